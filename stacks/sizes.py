"""How large things are. CPU in units of 1/1024 vCPU, memory in MiB, storage in GiB, counts as (fewest, most)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskSize:
    """A Fargate service; `spot` takes interruptible capacity at about a third of the price."""

    cpu: int
    memory: int
    tasks: tuple[int, int]
    spot: bool = False


@dataclass(frozen=True)
class DatabaseSize:
    """`instance` is an RDS instance type without its `db.`."""

    instance: str
    storage: int
    multi_az: bool
    backup_days: int


@dataclass(frozen=True)
class CanarySteps:
    """First `percent` of traffic for `step_minutes`, then all; the old tasks stay for `bake_minutes`."""

    percent: int
    step_minutes: int
    bake_minutes: int


@dataclass(frozen=True)
class InstanceSize:
    """An App Runner service; `concurrency` is requests at once per instance."""

    cpu: int
    memory: int
    instances: tuple[int, int]
    concurrency: int
