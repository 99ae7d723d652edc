"""What is known of a task of ECS at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class TaskError(Exception):
    """ECS refuses to start such a task, for instance because there is no such definition; the message says why."""


@dataclass(frozen=True)
class Task:
    """The next moment has another one, under the same `arn`."""

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
    checked: bool
    """Whether its definition checks its health."""
    health: str
    """HEALTHY, UNHEALTHY, or UNKNOWN: before the first answer and where the definition checks nothing."""
    stop_code: str | None
    """TaskFailedToStart, EssentialContainerExited, UserInitiated, ServiceSchedulerInitiated."""
    stopped_reason: str | None
    exit_code: int | None
    """Of its essential container; None before it ended and where it never started."""

    @property
    def ready(self) -> bool:
        """Whether a service would count on it."""
        return self.status == "RUNNING" and (self.health == "HEALTHY" or not self.checked)
