"""The tracking stack for tests, and a container of its template as a process that can be run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from stacks.lifetime import Lifetime
from stacks.sizes import DatabaseSize, TaskSize
from stacks.tracking import Exposure, Tracking
from tests.support.stacks import Neighbours

CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/ours"
DOMAIN = "mlflow.example.com"


def tracking(
    exposure: Exposure = "private",
    *,
    keep: bool = False,
    tasks: tuple[int, int] = (1, 2),
    certificate: str | None = None,
    domain: str | None = None,
) -> Callable[[Any, Neighbours], Tracking]:
    """With `keep`, as in production: protected, in two zones, under a key of its own."""

    def make(stage: cdk.Stage, neighbours: Neighbours) -> Tracking:
        jump_host = ec2.SecurityGroup(neighbours, "JumpHost", vpc=neighbours.placement.vpc)
        return Tracking(
            stage,
            "Tracking",
            placement=replace(neighbours.placement, jump_host=jump_host),
            repository=neighbours.repository,
            artifacts=neighbours.bucket("Artifacts"),
            access_logs=neighbours.bucket("AccessLogs"),
            size=TaskSize(cpu=512, memory=2048, tasks=tasks, spot=not keep),
            database=DatabaseSize(instance="t4g.micro", storage=20, multi_az=keep, backup_days=3),
            exposure=exposure,
            certificate=certificate,
            domain=domain,
            protect=keep,
            lifetime=Lifetime(keep=keep, log_days=30, key=kms.Key(neighbours, "Key") if keep else None),
            alerts=neighbours.alerts,
        )

    return make


@dataclass(frozen=True)
class Process:
    """A container's command, the variables whose values are known, and the names of those that come from secrets."""

    command: list[str]
    environment: dict[str, str]
    secrets: set[str]

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> Process:
        variables = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
        known = {name: value for name, value in variables.items() if isinstance(value, str)}
        return cls(container["Command"], known, {secret["Name"] for secret in container["Secrets"]})


def container(template: Template, task: str) -> dict[str, Any]:
    """The container of the task definition whose id begins so."""
    found = template.find_resources("AWS::ECS::TaskDefinition")
    (definition,) = [one["Properties"] for name, one in found.items() if name.startswith(task)]
    (only,) = definition["ContainerDefinitions"]
    return dict(only)
