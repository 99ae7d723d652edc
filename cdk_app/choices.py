"""The choices of an environment, each with the rules that need no other to be held against."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from cdk_app.offers import APP_RUNNER, FARGATE, require_sold
from cdk_app.refusals import Config, repeated, require_range
from cdk_app.texts import (
    BucketName,
    Certificate,
    Connection,
    DatabaseType,
    Domain,
    Email,
    OnGithub,
    Provider,
    Schedule,
    TrainingType,
)

Target = Literal["apprunner", "ecs"]
TARGETS: tuple[Target, ...] = get_args(Target)


class Repository(Config):
    """The GitHub repository of the fork. `connection` is the ARN of an approved connection; None makes a new one.

    The two numeric ids, where given, bind the deployment role to this very repository, whatever it is renamed to.
    """

    owner: OnGithub
    name: OnGithub
    branch: str = Field(default="main", min_length=1)
    connection: Connection | None = None
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
        if twice := repeated((name, bucket) for bucket, name in self.names.items()):
            name, first, second = twice
            raise ValueError(f"{first} and {second} are both named {name!r}; give each its own name or none")
        return self


class Database(Config):
    """`instance` is an RDS instance type without its `db.`; storage in GiB."""

    instance: DatabaseType = "t4g.micro"
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
    domain: Domain | None = None
    database: Database = Database()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        require_sold("Fargate", FARGATE, self.cpu, self.memory)
        require_range("tasks", self.tasks, least=1)
        if self.memory < 1024:
            raise ValueError(f"memory {self.memory} is too small for two MLflow workers; give 1024 or more")
        if self.exposure == "public" and not self.authentication:
            raise ValueError(
                "exposure 'public' without authentication would let anyone write models; "
                "set authentication to True, or exposure to 'private' or 'internal'"
            )
        if self.exposure == "public" and (self.certificate is None or self.domain is None):
            raise ValueError("exposure 'public' needs HTTPS: give certificate (its ARN) and domain")
        if self.authentication and self.exposure != "public":
            raise ValueError(
                f"exposure {self.exposure!r} has no login, the network decides who gets in; "
                "set authentication to False or exposure to 'public'"
            )
        if self.exposure == "private" and (self.certificate or self.domain):
            raise ValueError(
                "exposure 'private' has no load balancer to give certificate and domain to; "
                "leave both out or set exposure to 'internal' or 'public'"
            )
        if (self.certificate is None) != (self.domain is None):
            raise ValueError("certificate and domain go together: give both or neither")
        return self


class Training(Config):
    """`inside` runs the jobs in the VPC; `sagemaker` names the instance type of a training job instead of CodeBuild."""

    compute: Literal["small", "medium", "large"] = "small"
    inside: bool = True
    sagemaker: TrainingType | None = None
    timeout_minutes: int = Field(default=120, ge=5, le=480)


class Triggers(Config):
    """When data, the clock or drift may start a training run. `schedule` is an EventBridge expression.

    `starts`: the pipeline itself, or a GitHub workflow by `repository_dispatch`.
    """

    starts: Literal["codepipeline", "github"] = "codepipeline"
    schedule: Schedule | None = None
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
        require_sold("App Runner", APP_RUNNER, self.cpu, self.memory)
        require_range("instances", self.instances, least=1, most=25)
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
    domain: Domain | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        require_sold("Fargate", FARGATE, self.cpu, self.memory)
        require_range("tasks", self.tasks, least=1)
        if self.canary is not None and not self.alarms:
            raise ValueError("a canary without alarms can never roll back; set alarms to True or canary to None")
        if (self.certificate is None) != (self.domain is None):
            raise ValueError("certificate and domain go together: give both or neither")
        return self


class Serving(Config):
    """`target` is the one word that picks where predictions are served."""

    target: Target = "ecs"
    apprunner: AppRunner = AppRunner()
    ecs: Ecs = Ecs()


class Delivery(Config):
    """Who is asked, for how long the question stands, and what the link in it opens.

    `reports`: with `link` the report itself, for whoever has its address, which nobody can guess, and without a login;
    with `console` the same page in the S3 console, behind the login that approving needs too.
    """

    approvers: tuple[Email, ...] = ()
    approval_days: int = Field(default=7, ge=1, le=60)
    reports: Literal["link", "console"] = "console"


class Monitoring(Config):
    """`emails` get every alarm. Prometheus and Grafana are the managed ones.

    With target `ecs` a collector in each task writes the service's metrics to Prometheus; App Runner has no place
    for one, and there CloudWatch alone knows of the service.
    """

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

    provider: Provider | None = None
