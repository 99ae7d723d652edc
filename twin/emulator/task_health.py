"""Whether a container is healthy, by the rules of ECS for the checks of its definition."""

from __future__ import annotations

import http.client

from twin.emulator import pace
from twin.emulator.containers import Check

UNKNOWN, HEALTHY, UNHEALTHY = "UNKNOWN", "HEALTHY", "UNHEALTHY"
EAGER = 0.5
"""Seconds between two looks at a container that has not answered yet: nobody here waits for an interval to pass."""
LEAST = 2.0
"""Seconds between two looks at one that has, however short a minute is."""


class Health:
    """One container's health; `now` is any clock that only goes forward, in seconds."""

    def __init__(self, check: Check, started: float) -> None:
        self.status = UNKNOWN
        self._check = check
        self._started = started
        self._failures = 0
        self._due = started

    def due(self, now: float) -> bool:
        return now >= self._due

    def saw(self, passed: bool, now: float) -> None:
        """A failure in the start period counts only after a first success."""
        if passed:
            self._failures, self.status = 0, HEALTHY
        elif self.status != UNKNOWN or now - self._started >= self._check.start_period:
            self._failures += 1
            if self._failures >= self._check.retries:
                self.status = UNHEALTHY
        self._due = now + (EAGER if self.status == UNKNOWN else max(LEAST, pace.seconds(self._check.interval / 60)))


def answers(address: str, check: Check) -> bool:
    """What docker/healthy.py asks, at the task's own address: there is no loopback of its own for each container."""
    connection = http.client.HTTPConnection(address, check.port, timeout=check.timeout)
    try:
        connection.request("GET", check.path, headers={"Host": "localhost"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def of_task(statuses: list[str]) -> str:
    """Of a task by those of its essential containers that have a check."""
    if UNHEALTHY in statuses:
        return UNHEALTHY
    return HEALTHY if statuses and all(status == HEALTHY for status in statuses) else UNKNOWN
