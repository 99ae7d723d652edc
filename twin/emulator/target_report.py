"""What the balancer last said of the targets, and whether it has seen the latest changes: pure, but for its lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

Target = tuple[str, int]
"""Address and port."""
STALE = 5.0
"""Seconds after which the balancer's silence means that it does not run."""


class Reports:
    """`generation` numbers the changes of what the balancer goes by."""

    def __init__(self) -> None:
        self.generation = 0
        self._seen = 0
        self._at: float | None = None
        self._health: Mapping[str, Mapping[str, str]] = {}
        self._busy: frozenset[str] = frozenset()
        self._leaving: dict[tuple[str, Target], int] = {}
        self._lock = threading.Lock()

    def changed(self) -> int:
        """Something was; the number of the change."""
        with self._lock:
            self.generation += 1
            return self.generation

    def take(self, told: Mapping[str, Any], now: float) -> None:
        with self._lock:
            self._seen, self._at = told["generation"], now
            self._health, self._busy = told["health"], frozenset(told["busy"])
            self._leaving = {key: number for key, number in self._leaving.items() if not self._gone(*key, number)}

    def state(self, group: str, target: Target) -> str | None:
        """initial, healthy or unhealthy; None for a target that the balancer knows nothing of."""
        return self._health.get(group, {}).get(_name(target))

    def follows(self, generation: int) -> bool:
        """Whether the balancer goes by that change."""
        return self._seen >= generation

    def runs(self, now: float) -> bool:
        return self._at is not None and now - self._at < STALE

    def leave(self, group: str, target: Target) -> None:
        """It was deregistered, and drains until its last request is answered."""
        number = self.changed()
        with self._lock:
            self._leaving[group, target] = number

    def draining(self, group: str) -> list[Target]:
        return [target for arn, target in list(self._leaving) if arn == group]

    def _gone(self, group: str, target: Target, number: int) -> bool:
        return (self._seen >= number or group not in self._health) and _name(target) not in self._busy


def _name(target: Target) -> str:
    return f"{target[0]}:{target[1]}"
