"""What an environment may choose, and which choices make no sense together."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

WHERE = "change it in cdk_app/environments.py"

FARGATE = {
    256: (512, 1024, 2048),
    512: (1024, 2048, 3072, 4096),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16_385, 1024)),
    4096: tuple(range(8192, 30_721, 1024)),
}
"""CPU units (1024 are one vCPU) and the memory in MiB that Fargate sells with them."""
APP_RUNNER = {
    256: (512, 1024),
    512: (1024,),
    1024: (2048, 3072, 4096),
    2048: (4096, 6144),
    4096: (8192, 10_240, 12_288),
}
"""The same of App Runner."""
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The retentions that CloudWatch Logs offers."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Certificate = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+$")]


class ConfigError(Exception):
    """The configuration makes no sense; the message says what was given, what is allowed and where to change it."""


def _require_pair(seller: str, sold: dict[int, tuple[int, ...]], cpu: int, memory: int) -> None:
    if cpu not in sold:
        raise ValueError(f"{seller} sells no cpu of {cpu}; choose one of {', '.join(map(str, sold))}")
    if memory not in sold[cpu]:
        choice = ", ".join(map(str, sold[cpu]))
        raise ValueError(f"{seller} sells no cpu {cpu} with memory {memory}; with cpu {cpu} choose {choice}")


def _require_range(what: str, given: tuple[int, int], *, least: int, most: int = 1000) -> None:
    if not least <= given[0] <= given[1] <= most:
        raise ValueError(f"{what} {given} must be (fewest, most) with {least} <= fewest <= most <= {most}")


def _sentence(owner: str, problem: Any) -> str:
    where = ".".join([owner, *map(str, problem["loc"])])
    message = str(problem["msg"])
    if message.startswith("Value error, "):
        return f"{where}: {message.removeprefix('Value error, ')}"
    given = "" if problem["type"] == "missing" else f" (given: {problem['input']!r})"
    return f"{where}: {message[:1].lower()}{message[1:]}{given}"


class Config(BaseModel):
    """Refuses unknown keys and says what is wrong in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            said = "; ".join(_sentence(type(self).__name__, problem) for problem in error.errors())
            raise ConfigError(f"{said}; {WHERE}") from None


class Repository(Config):
    """The GitHub repository of the fork. `connection` is the ARN of an approved connection; None makes a new one.

    The two numeric ids, where given, bind the deployment role to this very repository, whatever it is renamed to.
    """

    owner: str = Field(min_length=1)
    name: str = Field(min_length=1)
    branch: str = "main"
    connection: str | None = None
    owner_id: int | None = None
    repository_id: int | None = None


class Network(Config):
    """`nat` is the tasks' way out: none (public subnets, closed security groups), a t4g.nano, or gateways."""

    zones: tuple[str, str]
    nat: Literal["none", "instance", "gateway"] = "instance"

    @field_validator("zones")
    @classmethod
    def _distinct(cls, zones: tuple[str, str]) -> tuple[str, str]:
        if zones[0] == zones[1]:
            raise ValueError(f"both zones are {zones[0]}; name two different ones")
        return zones


class Storage(Config):
    """Names are optional, one for each bucket; CloudFormation makes them up otherwise."""

    raw: BucketName | None = None
    dvc: BucketName | None = None
    artifacts: BucketName | None = None
    capture: BucketName | None = None
    capture_days: int = Field(default=90, ge=1)

    @property
    def names(self) -> dict[str, str]:
        given = {"raw": self.raw, "dvc": self.dvc, "artifacts": self.artifacts, "capture": self.capture}
        return {bucket: name for bucket, name in given.items() if name is not None}

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        owners: dict[str, str] = {}
        for bucket, name in self.names.items():
            if name in owners:
                raise ValueError(f"{owners[name]} and {bucket} are both named {name!r}; a bucket has one use")
            owners[name] = bucket
        return self


class Database(Config):
    """`instance` is an RDS instance type without its `db.`; storage in GiB."""

    instance: str = Field(default="t4g.micro", pattern=r"^[a-z0-9]+\.[a-z0-9]+$")
    storage: int = Field(default=20, ge=20)
    multi_az: bool = False
    backup_days: int = Field(default=7, ge=1, le=35)


class Tracking(Config):
    """The MLflow server. `exposure`: private (service discovery), internal (an ALB inside), public (HTTPS, login)."""

    cpu: int = 512
    memory: int = 2048
    spot: bool = False
    tasks: tuple[int, int] = (1, 2)
    exposure: Literal["private", "internal", "public"] = "private"
    authentication: bool = False
    certificate: Certificate | None = None
    domain: str | None = None
    database: Database = Database()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        _require_pair("Fargate", FARGATE, self.cpu, self.memory)
        _require_range("tasks", self.tasks, least=1)
        if self.memory < 1024:
            raise ValueError(f"memory {self.memory} is too small for two MLflow workers; give 1024 or more")
        if self.exposure == "public" and not self.authentication:
            raise ValueError("exposure 'public' without authentication would let anyone write models; set it to True")
        if self.exposure == "public" and (self.certificate is None or self.domain is None):
            raise ValueError("exposure 'public' needs HTTPS: give certificate (its ARN) and domain")
        return self


class Training(Config):
    """`inside` runs the jobs in the VPC; `sagemaker` names the instance type of a training job instead of CodeBuild."""

    compute: Literal["small", "medium", "large"] = "small"
    inside: bool = True
    sagemaker: str | None = Field(default=None, pattern=r"^ml\.[a-z0-9]+\.[a-z0-9]+$")
    timeout_minutes: int = Field(default=120, ge=5, le=480)


class Triggers(Config):
    """When data, the clock or drift may start a training run. `schedule` is an EventBridge expression.

    `starts`: the pipeline itself, or a GitHub workflow by `repository_dispatch`.
    """

    starts: Literal["codepipeline", "github"] = "codepipeline"
    schedule: str | None = Field(default=None, pattern=r"^(rate|cron)\(.+\)$")
    cooldown_minutes: int = Field(default=30, ge=0, le=10_080)
    daily_cap: int = Field(default=10, ge=1, le=1000)


class AppRunner(Config):
    """CPU units and MiB of an instance, and how many there may be; `concurrency` is requests at once per instance."""

    cpu: int = 256
    memory: int = 512
    instances: tuple[int, int] = (1, 4)
    concurrency: int = Field(default=50, ge=1, le=200)

    @model_validator(mode="after")
    def _sold(self) -> Self:
        _require_pair("App Runner", APP_RUNNER, self.cpu, self.memory)
        _require_range("instances", self.instances, least=1, most=25)
        return self


class Canary(Config):
    """First this share of traffic for so long, then all of it; the old tasks stay for the bake time, in minutes."""

    percent: int = Field(default=10, ge=1, le=50)
    step_minutes: int = Field(default=5, ge=1, le=1440)
    bake_minutes: int = Field(default=10, ge=1, le=1440)


class Ecs(Config):
    """Fargate behind an ALB. `requests` is what one task should get a minute before another is added.

    With a certificate, a problem is served at https://PROBLEM.`domain`, a name that you point to its load balancer.
    """

    cpu: int = 256
    memory: int = 512
    spot: bool = False
    tasks: tuple[int, int] = (1, 4)
    requests: int = Field(default=1000, ge=1)
    canary: Canary | None = Canary()
    alarms: bool = True
    certificate: Certificate | None = None
    domain: str | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        _require_pair("Fargate", FARGATE, self.cpu, self.memory)
        _require_range("tasks", self.tasks, least=1)
        if self.canary is not None and not self.alarms:
            raise ValueError("a canary without alarms can never roll back; set alarms to True or canary to None")
        if (self.certificate is None) != (self.domain is None):
            raise ValueError("certificate and domain go together: give both or neither")
        return self


class Serving(Config):
    """`target` is the one word that picks where predictions are served."""

    target: Literal["apprunner", "ecs"] = "ecs"
    apprunner: AppRunner = AppRunner()
    ecs: Ecs = Ecs()


class Delivery(Config):
    """Who is asked, and for how long the question stands."""

    approvers: tuple[Email, ...] = ()
    approval_days: int = Field(default=7, ge=1, le=60)


class Monitoring(Config):
    """`emails` get every alarm. Prometheus and Grafana are the managed ones."""

    emails: tuple[Email, ...] = ()
    prometheus: bool = False
    grafana: bool = False

    @model_validator(mode="after")
    def _something_to_show(self) -> Self:
        if self.grafana and not self.prometheus:
            raise ValueError("grafana True needs something to show; set prometheus to True too")
        return self


class Access(Config):
    """`provider` is the ARN of the account's GitHub OIDC provider where one exists; None makes it."""

    provider: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:oidc-provider/.+$")


class Environment(Config):
    """One environment: an account, a region, and every choice that differs between environments.

    `production` refuses what may not be there; `protection` keeps data and refuses to delete the database;
    `customer_key` encrypts with a key of your own; `nist` checks the rules of NIST 800-53 R5 too.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{1,11}$")]
    account: str | None = None
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    production: bool
    protection: bool
    customer_key: bool
    nist: bool
    log_days: int
    problems: tuple[Name, ...] = Field(min_length=1)
    repository: Repository
    network: Network
    storage: Storage = Storage()
    tracking: Tracking = Tracking()
    training: Training = Training()
    triggers: Triggers = Triggers()
    serving: Serving = Serving()
    delivery: Delivery = Delivery()
    monitoring: Monitoring = Monitoring()
    access: Access = Access()

    @field_validator("account")
    @classmethod
    def _twelve_digits(cls, account: str | None) -> str | None:
        if account is not None and not (account.isdigit() and len(account) == 12):
            raise ValueError(f"an account id has 12 digits, {account!r} has {len(account)} characters")
        return account

    @field_validator("log_days")
    @classmethod
    def _offered(cls, days: int) -> int:
        if days not in LOG_DAYS:
            raise ValueError(f"CloudWatch keeps no logs for {days} days; choose one of {', '.join(map(str, LOG_DAYS))}")
        return days

    @field_validator("problems")
    @classmethod
    def _once(cls, problems: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(problems)) != len(problems):
            raise ValueError(f"a problem is named twice in {', '.join(problems)}")
        return problems

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.production and not self.protection:
            raise ValueError("protection is False in a production environment; set it to True")
        if self.production and self.serving.target == "ecs" and self.serving.ecs.certificate is None:
            raise ValueError(
                "production serves over HTTPS only; give serving.ecs.certificate, the ARN of a certificate"
            )
        strays = [zone for zone in self.network.zones if not zone.startswith(self.region)]
        if strays:
            raise ValueError(f"zone {strays[0]} is not in region {self.region}; name zones of that region")
        if self.network.nat == "none" and self.training.inside:
            raise ValueError(
                "nat 'none' leaves the training jobs in the VPC without a way out; choose nat 'instance' or 'gateway', "
                "or training inside=False with tracking exposure 'public'"
            )
        if not self.training.inside and self.tracking.exposure != "public":
            raise ValueError(
                f"training inside=False cannot reach a tracking server with exposure {self.tracking.exposure!r}; "
                "set inside=True or exposure='public'"
            )
        return self
