"""Tasks of ECS as processes of this machine: what is started, what is stopped, and who is told.

A deployment starts its tasks here and RunTask arrives here too; what DescribeTasks answers is what these processes do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class TaskError(Exception):
    """ECS refuses to start such a task, for instance because there is no such definition; the message says why."""


@dataclass(frozen=True)
class Task:
    """What is known of a task at one moment; the next moment has another one, under the same `arn`."""

    arn: str
    cluster: str
    """The cluster's ARN."""
    definition: str
    family: str
    group: str
    """`service:NAME` or `family:NAME`."""
    service: str | None
    """The ARN of the service that it belongs to."""
    started_by: str
    address: str
    """Its own, as awsvpc gives one: the container's ports are open there."""
    ports: Mapping[str, tuple[int, ...]]
    """Of each container."""
    status: str
    """PENDING, RUNNING, STOPPING (asked to end), STOPPED."""
    health: str
    """HEALTHY, UNHEALTHY, or UNKNOWN: before the first answer and where the definition checks nothing."""
    stop_code: str | None
    """TaskFailedToStart, EssentialContainerExited, UserInitiated, ServiceSchedulerInitiated."""
    stopped_reason: str | None
    exit_code: int | None
    """Of its essential container; None before it ended and where it never started."""


Listener = Callable[[Task], None]
on_change: list[Listener] = []
"""Called after each change of `status` or `health`, on a thread of the task: return soon and start no task in it."""


def start_task(
    definition: str,
    *,
    cluster: str,
    service: str | None = None,
    started_by: str = "",
    group: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Task:
    """A task that is PENDING; it runs, or stops with its reason, soon. `cluster` and `service` are ARNs.

    Raises TaskError.
    """
    raise NotImplementedError


def stop_task(arn: str, reason: str, *, code: str = "UserInitiated") -> None:
    """Ask it to end with SIGTERM, then end it after its StopTimeout; returns at once. Nothing happens to a stopped one."""
    raise NotImplementedError


def tasks_of(service: str) -> list[Task]:
    """The tasks of a service (by its ARN) that have not stopped, oldest first."""
    raise NotImplementedError


def find_task(arn: str) -> Task | None:
    """That task as it is now; those that have stopped are kept a while, as ECS does."""
    raise NotImplementedError


def memory(service: str) -> float | None:
    """MemoryUtilization of the tasks of a service (by its ARN) in percent of their definition's memory; None without."""
    raise NotImplementedError
