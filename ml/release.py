"""Release a version by the decision that is on record, without judging it again: what a person's yes leads to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ml.core.record import Decision, read_record
from ml.errors import UserError
from ml.io import tags
from ml.io.artifacts import fetch_decision
from ml.io.registry import ChampionMovedError, Registry, Version
from ml.io.tracking import Tracking


class RefusedError(UserError):
    """The record does not allow the release; the message says why in one sentence. Nothing was changed."""


@dataclass(frozen=True)
class Released:
    """The version that serves, and how it came to: it did already, was promoted, or was restored."""

    champion: Version
    how: Literal["already", "promoted", "restored"]


def release(registry: Registry, number: int, *, reason: str, by: str) -> Released:
    """Make the version the champion as its decision says; the previous one is restored where it says nothing.

    Raises RefusedError.
    """
    version, champion = registry.version(number), registry.aliased(tags.CHAMPION)
    if champion is not None and champion.number == number:
        return Released(champion, "already")
    refusal = _refusal(version, champion, recorded_decision(registry.tracking, version))
    if refusal is None:
        try:
            return Released(registry.promote(number, expected=champion.number if champion else None, by=by), "promoted")
        except ChampionMovedError as error:
            raise RefusedError(str(error)) from error
    if tags.PREVIOUS in version.aliases and version.rolled_back is None:
        return Released(registry.rollback(reason).champion, "restored")
    raise RefusedError(refusal)


def recorded_decision(tracking: Tracking, version: Version) -> Decision | None:
    """The last decision about the version."""
    record = fetch_decision(tracking, version)
    return None if record is None else read_record(record)


def _refusal(version: Version, champion: Version | None, decision: Decision | None) -> str | None:
    """Why the decision does not allow the release now, or None."""
    name = f"{version.name} version {version.number}"
    if decision is None:
        return f"{name} was never judged; run `evergreen evaluate {version.name} --version {version.number}`"
    if not decision.promoted:
        return f"{name} was judged and refused: {decision.reason}"
    if decision.challenger.digest != version.digest:
        return f"the decision on record is about another bundle than that of {name}; evaluate it again"
    judged, present = _named(decision.champion), _named(champion)
    if judged != present:
        return f"{name} was judged against {judged}, and the champion is {present}: evaluate it again"
    if version.rolled_back is not None and decision.decided_at <= _moment(version.rolled_back):
        return f"{name} was taken out after it was judged, {version.rolled_back}"
    return None


def _named(model: object) -> str:
    number = getattr(model, "number", None) or getattr(model, "version", None)
    return "no champion" if model is None else f"version {number}"


def _moment(mark: str) -> datetime:
    return datetime.fromisoformat(mark.partition(": ")[0])
