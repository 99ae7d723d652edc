"""How many tasks of which revision a service should have: pure, so that every case can be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True)
class Replica:
    """A task that nobody has asked to stop. Oldest first, wherever there are several."""

    id: str
    revision: str
    state: State


@dataclass(frozen=True)
class Bounds:
    """minimumHealthyPercent and maximumPercent of a service."""

    minimum: int = 100
    maximum: int = 200

    def floor(self, desired: int) -> int:
        return math.ceil(desired * self.minimum / 100)

    def ceiling(self, desired: int) -> int:
        return desired * self.maximum // 100


@dataclass(frozen=True)
class Change:
    """Tasks of the wanted revision to start, and tasks to stop."""

    start: int = 0
    stop: tuple[str, ...] = ()


def healthy(replicas: Sequence[Replica], revision: str | None = None) -> int:
    """Of that revision, or of all."""
    return sum(each.state is State.HEALTHY and revision in {None, each.revision} for each in replicas)


def change(replicas: Sequence[Replica], revision: str, desired: int, bounds: Bounds) -> Change:
    """The next step from what runs to `desired` tasks of that revision and none of another.

    A healthy task is only stopped while the others keep the promised minimum; an unhealthy one first gets its
    replacement, unless the maximum leaves no room for it.
    """
    ours = [each for each in replicas if each.revision == revision]
    others = [each for each in replicas if each.revision != revision]
    alive = [each for each in ours if each.state is not State.UNHEALTHY]
    missing = max(desired - len(alive), 0)
    room = max(bounds.ceiling(desired) - len(replicas), 0)
    stop = _surplus(alive, desired) + _broken(ours, replaced=missing == 0 or room == 0)
    stop += _outdated(others, healthy(replicas), missing - room, desired, bounds)
    return Change(min(missing, room), tuple(each.id for each in stop))


def settled(replicas: Sequence[Replica], revision: str, desired: int) -> bool:
    """Whether nothing is left to do."""
    return len(replicas) == healthy(replicas, revision) == desired


def _surplus(alive: Sequence[Replica], desired: int) -> list[Replica]:
    """Those that are not healthy yet go first, then the newest."""
    order = sorted(range(len(alive)), key=lambda at: (alive[at].state is State.STARTING, at), reverse=True)
    return [alive[at] for at in order[: max(len(alive) - desired, 0)]]


def _broken(ours: Sequence[Replica], *, replaced: bool) -> list[Replica]:
    return [each for each in ours if each.state is State.UNHEALTHY] if replaced else []


def _outdated(others: Sequence[Replica], healthy_now: int, lacking: int, desired: int, bounds: Bounds) -> list[Replica]:
    """Whatever is not healthy, and of the healthy ones as many as are replaced or must make room."""
    useless = [each for each in others if each.state is not State.HEALTHY]
    useful = [each for each in others if each.state is State.HEALTHY]
    wanted = max(healthy_now - desired, lacking - len(useless), 0)
    return useless + useful[: min(wanted, max(healthy_now - bounds.floor(desired), 0))]
