"""What an environment is, and which of its choices make no sense together."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from cdk_app.choices import (
    Access,
    Delivery,
    Monitoring,
    Network,
    Repository,
    Serving,
    Storage,
    Tracking,
    Training,
    Triggers,
)
from cdk_app.offers import LOG_DAYS
from cdk_app.refusals import WHERE, Config, ConfigError, repeated
from cdk_app.texts import Account, EnvironmentName, Problem, Region

ROOM_TO_COLLECT = 1024
"""MiB of a task, of which a collector may take a quarter."""
AROUND_A_CANARY = 30
"""Minutes that a rollout takes besides: new tasks start and are asked, old ones drain, CloudFormation takes note."""


class Environment(Config):
    """One environment: an account, a region, and every choice that differs between environments.

    `production` refuses what may not be there; `protection` keeps data and refuses to delete the database;
    `customer_key` encrypts with a key of your own; `nist` checks the rules of NIST 800-53 R5 too.
    """

    name: EnvironmentName
    account: Account | None = None
    region: Region
    production: bool
    protection: bool
    customer_key: bool
    nist: bool
    log_days: int
    problems: tuple[Problem, ...] = Field(min_length=1)
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

    @field_validator("log_days")
    @classmethod
    def _offered(cls, days: int) -> int:
        if days not in LOG_DAYS:
            raise ValueError(f"CloudWatch keeps no logs for {days} days; choose one of {', '.join(map(str, LOG_DAYS))}")
        return days

    @field_validator("problems")
    @classmethod
    def _distinct(cls, problems: tuple[str, ...]) -> tuple[str, ...]:
        if twice := repeated((problem.replace("_", ""), problem) for problem in problems):
            _, first, second = twice
            raise ValueError(f"{first} and {second} differ by no letter or digit; name each problem once")
        return problems

    @model_validator(mode="after")
    def _fit_for_its_purpose(self) -> Self:
        if self.production and not self.protection:
            raise ValueError("protection is False in a production environment; set it to True, or production to False")
        if self.production and self.serving.target == "ecs" and self.serving.ecs.certificate is None:
            raise ValueError(
                "production serves over HTTPS only; give serving.ecs.certificate (its ARN) and serving.ecs.domain"
            )
        if self.monitoring.prometheus and self.serving.target == "ecs" and self.serving.ecs.memory < ROOM_TO_COLLECT:
            raise ValueError(
                f"monitoring.prometheus puts a collector into each task, and serving.ecs memory is "
                f"{self.serving.ecs.memory}; give {ROOM_TO_COLLECT} or more, or set prometheus to False"
            )
        if self.nist and not self.customer_key:
            raise ValueError("NIST 800-53 asks for a key of your own; set customer_key to True, or nist to False")
        if self.nist and self.delivery.reports == "link":
            raise ValueError(
                "NIST 800-53 lets nobody read without a login, and delivery reports is 'link'; "
                "set it to 'console', or nist to False"
            )
        if self.nist and self.network.nat == "instance":
            raise ValueError(
                "NIST 800-53 allows no instance with a public address, and network nat is 'instance'; "
                "choose nat 'gateway' or 'none', or set nist to False"
            )
        return self

    @model_validator(mode="after")
    def _patient(self) -> Self:
        canary = self.serving.ecs.canary if self.serving.target == "ecs" else None
        needed = canary.step_minutes + canary.bake_minutes + AROUND_A_CANARY if canary else 0
        if needed > self.training.timeout_minutes:
            raise ValueError(
                f"a release takes {needed} minutes with this canary, and its job ends after "
                f"{self.training.timeout_minutes}; shorten serving.ecs.canary, or raise training.timeout_minutes"
            )
        return self

    @model_validator(mode="after")
    def _in_one_region(self) -> Self:
        region = self.region
        for zone in self.network.zones:
            if re.fullmatch(f"{region}[a-z]", zone) is None:
                raise ValueError(f"{zone!r} is not a zone of region {region}; name two such as {region}a and {region}b")
        tracking, serving = self.tracking.certificate, self.serving.ecs.certificate
        for owner, certificate in (("tracking", tracking), ("serving.ecs", serving)):
            if certificate is not None and (its := certificate.split(":")[3]) != region:
                raise ValueError(
                    f"{owner}.certificate is of region {its}; a load balancer takes one of its own region, {region}"
                )
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Self:
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
        if self.network.nat == "none" and self.serving.target == "apprunner":
            raise ValueError(
                "nat 'none' leaves App Runner, all of whose traffic goes through the VPC, without a way out; "
                "choose nat 'instance' or 'gateway', or serving target 'ecs'"
            )
        return self


def by_name(*environments: Environment) -> dict[str, Environment]:
    """The environments by their names, held against each other. Raises ConfigError."""
    names = ((each.name, each.name) for each in environments)
    buckets = ((bucket, each.name) for each in environments for bucket in each.storage.names.values())
    providers = ((each.account, each.name) for each in environments if each.account and not each.access.provider)
    if twice := repeated(names):
        raise ConfigError(f"two environments are called {twice[0]!r}; name each once; {WHERE}")
    if twice := repeated(buckets):
        bucket, first, second = twice
        raise ConfigError(
            f"{first} and {second} both name a bucket {bucket!r}, and all of AWS has one of a name; "
            f"give each its own name or none; {WHERE}"
        )
    if twice := repeated(providers):
        account, first, second = twice
        raise ConfigError(
            f"{first} and {second} would both make the GitHub provider of account {account}, which can have one; "
            f"give access.provider to {second}; {WHERE}"
        )
    return {each.name: each for each in environments}
