"""A person's yes or no to a version: what the record on it allows, and what they said, kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ml.core.record import Decision, RecordError, read_record
from ml.errors import UserError
from ml.io import tags
from ml.io.artifacts import AlteredError, fetch_decision
from ml.io.changes import NAME, brief
from ml.io.registry import ChampionMovedError, IsChampionError, NothingToRollBackToError, Registry, Rollback, Version
from ml.io.tracking import Tracking, TrackingError


class RefusedError(UserError):
    """The record does not allow it; the message says why in one sentence. Nothing was changed."""


class UnreadableError(TrackingError):
    """There is a record, and this code cannot read it."""


@dataclass(frozen=True)
class Released:
    """The version that serves, and how it came to: it did already, was promoted, or was restored."""

    champion: Version
    how: Literal["already", "promoted", "restored"]


def approve(registry: Registry, number: int, *, by: str, why: str, execution: str = "") -> Released:
    """Make the version the champion as its decision says, in somebody's name and for their reason.

    The previous version is restored where its decision says nothing, so that a pipeline may go back to it. `execution`
    names the pipeline's run that does it. Raises RefusedError, and UserError where a name or a reason is missing.
    """
    _require_said(by, why)
    registry.settle()
    version, champion = registry.version(number), registry.aliased(tags.CHAMPION)
    if champion is not None and champion.number == number:
        return Released(champion, "already")
    decision, refusal = _judgement(registry.tracking, version)
    refusal = refusal or _refusal(version, champion, decision)
    try:
        if refusal is None:
            return _promote(registry, version, champion, decision, by=by, why=why, execution=execution)
        if tags.PREVIOUS in version.aliases and version.rolled_back is None and version.rejected is None:
            _require_own(champion, execution)
            return Released(registry.rollback(why, to=number, by=by, execution=execution).champion, "restored")
    except (ChampionMovedError, NothingToRollBackToError) as error:
        raise RefusedError(str(error)) from error
    raise RefusedError(refusal)


def reject(registry: Registry, number: int, *, by: str, why: str) -> Version:
    """Keep a version from being released until it is proved again, in somebody's name and for their reason.

    Raises RefusedError for the champion, and UserError where a name or a reason is missing.
    """
    _require_said(by, why)
    try:
        return registry.reject(number, by=by, why=why)
    except IsChampionError as error:
        raise RefusedError(f"{error}: `evergreen rollback {registry.name} --reason TEXT`") from error


def take_back(registry: Registry, execution: str, *, reason: str, by: str) -> Rollback:
    """Roll back what an execution of the pipeline released. Raises UserError where the champion is not of it."""

    def released_in(champion: Version) -> None:
        if champion.tags.get(tags.RELEASED_IN) != brief(execution, NAME):
            raise UserError(f"the champion of {registry.name} was not released in {execution}; nothing was taken out")

    return registry.rollback(reason, by=by, execution=execution, allow=released_in)


def recorded_decision(tracking: Tracking, version: Version) -> Decision | None:
    """The last decision about the version. Raises TrackingError for a record that was altered or cannot be read."""
    record = fetch_decision(tracking, version)
    return None if record is None else decision_in(record, version)


def decision_in(record: bytes, version: Version) -> Decision:
    """Raises UnreadableError, which names the version."""
    try:
        return read_record(record)
    except RecordError as error:
        raise UnreadableError(f"{version.name} version {version.number}: {error}") from error


def _promote(
    registry: Registry,
    version: Version,
    champion: Version | None,
    decision: Decision | None,
    *,
    by: str,
    why: str,
    execution: str,
) -> Released:
    asked = False

    def allow(now: Version) -> None:
        """Between the look at the record and the lock, somebody may have said no or proved it again."""
        nonlocal asked
        asked = True
        if now.tags.get(tags.DECISION_SHA256) != version.tags.get(tags.DECISION_SHA256):
            raise RefusedError(f"{now.name} version {now.number} was proved again just now; look at it again")
        if (refusal := _refusal(now, champion, decision)) is not None:
            raise RefusedError(refusal)

    expected = champion.number if champion else None
    now = registry.promote(version.number, expected=expected, by=by, why=why, execution=execution, allow=allow)
    # Nothing is asked where somebody else has made it the champion meanwhile.
    return Released(now, "promoted" if asked else "already")


def _judgement(tracking: Tracking, version: Version) -> tuple[Decision | None, str | None]:
    """The decision on record, or why it cannot be read. Raises RefusedError for one that was altered."""
    try:
        return recorded_decision(tracking, version), None
    except AlteredError as error:
        raise RefusedError(f"{error}; prove it again") from error
    except UnreadableError as error:
        return None, str(error)


def _refusal(version: Version, champion: Version | None, decision: Decision | None) -> str | None:
    """Why the decision does not allow the release now, or None."""
    name = f"{version.name} version {version.number}"
    if decision is None:
        return f"{name} was never judged; run `evergreen prove {version.name} --version {version.number}`"
    if (decision.problem, decision.challenger.digest) != (version.name, version.digest):
        return f"the decision on record is about another bundle than that of {name}; prove it again"
    if not decision.promoted:
        return f"{name} was judged and refused: {decision.reason}"
    left_out = f"version {decision.left_out}" if decision.left_out else None
    judged, present = left_out or _named(decision.champion), _named(champion)
    if judged != present:
        return f"{name} was judged against {judged}, and the champion is {present}: prove it again"
    refused = version.tags.get(tags.REFUSED_DECISION) == version.tags.get(tags.DECISION_SHA256)
    for mark, what in ((version.rolled_back, "taken out"), (version.rejected, "rejected")):
        if mark is not None and (refused or decision.decided_at <= _moment(mark)):
            return f"{name} was {what} after it was judged, {mark}"
    return None


def _require_own(champion: Version | None, execution: str) -> None:
    """A pipeline that goes back takes out what a pipeline released, and never what a person did by hand since."""
    if execution and champion is not None and not champion.tags.get(tags.RELEASED_IN):
        who = champion.tags.get(tags.RELEASED_BY) or "somebody"
        raise RefusedError(
            f"the champion of {champion.name}, version {champion.number}, was released by {who} and in no pipeline; "
            f"`evergreen rollback {champion.name}` takes it out"
        )


def _require_said(by: str, why: str) -> None:
    for option, text in (("--by", by), ("--why", why)):
        if not text.strip():
            raise UserError(f"{option} is empty; a release keeps who wanted it and why")


def _named(model: object) -> str:
    number = getattr(model, "number", None) or getattr(model, "version", None)
    return "no champion" if model is None else f"version {number}"


def _moment(mark: str) -> datetime:
    """When a mark was set. One that a person wrote by hand has no time and counts until it is taken off."""
    try:
        return datetime.fromisoformat(mark[: mark.index("+00:00") + len("+00:00")])
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
