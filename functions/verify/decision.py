"""What follows from the answers of a service: pure, so that every case can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Served:
    """The service is ready with this model."""

    digest: str
    version: str | None

    def __str__(self) -> str:
        return f"version {self.version or 'unknown'} ({self.digest[:12]})"


@dataclass(frozen=True)
class NoModel:
    """The service runs and has nothing to serve yet."""

    def __str__(self) -> str:
        return "no model yet"


@dataclass(frozen=True)
class Nobody:
    """The load balancer has no task to ask: nothing was ever released behind it."""

    def __str__(self) -> str:
        return "nothing: no task runs"


@dataclass(frozen=True)
class Silent:
    """Whatever answered, if anything did, was not the service."""

    reason: str

    def __str__(self) -> str:
        return f"no answer of the service ({self.reason})"


Answer = Served | NoModel | Nobody | Silent


@dataclass(frozen=True)
class Expected:
    """What was released."""

    problem: str
    version: str
    digest: str


def agree(expected: Expected, answers: Sequence[Answer], times: int) -> bool:
    """Whether the latest `times` answers all come from the released model: one task may lag behind another."""
    latest = answers[-times:]
    return len(latest) == times and all(
        isinstance(answer, Served) and answer.digest == expected.digest for answer in latest
    )


def shortfall(expected: Expected, answers: Sequence[Answer]) -> str:
    """One sentence on what was served instead."""
    released = Served(expected.digest, expected.version)
    wrong = [answer for answer in answers if not (isinstance(answer, Served) and answer.digest == expected.digest)]
    if not wrong:
        return f"{expected.problem} answered too seldom to be sure that it serves {released}"
    return f"{expected.problem} should serve {released} and gives {wrong[-1]}"


def objection(production: Answer, green: Answer) -> str | None:
    """Why the new tasks may not get traffic yet, or None. A rollout of code must not change the model.

    Where production has no model, the new tasks need none either. Where production is broken it cannot be the measure,
    or nobody could roll out the repair: then any model will do.
    """
    if isinstance(green, Nobody | Silent):
        return f"the new tasks give {green}"
    if isinstance(production, Served):
        same = isinstance(green, Served) and green.digest == production.digest
        return None if same else f"the new tasks give {green}, production serves {production}"
    if isinstance(production, Silent) and isinstance(green, NoModel):
        return f"the new tasks give {green}, production gives {production}"
    return None
