"""What a release, a rollback and a rejection change, before anything is written: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from ml.io import tags
from ml.io.journal import Event, Happened, Intent, State
from ml.io.versions import Version

REASON, NAME = 500, 200
"""Characters that are kept of a reason, and of a name of a person or an execution."""
Aliases = dict[str, int | None]
Marks = dict[str, str | None]


def brief(text: str, most: int = REASON) -> str:
    """A text from outside as one line of so many characters of JSON: a change has to fit into a tag."""
    line = " ".join(text.split())
    if _length(line) <= most:
        return line
    line = line[:most]
    while _length(line) >= most:
        line = line[:-1]
    return f"{line}…"


def spoken(by: str, why: str, execution: str) -> dict[str, str]:
    """What was said about a change, as it is kept."""
    return {"by": brief(by, NAME), "why": brief(why), "execution": brief(execution, NAME)}


def promotion(
    state: State, version: Version, now: datetime, *, by: str, why: str, execution: str, extra: Mapping[str, str]
) -> Intent:
    """The version becomes the champion, the champion the previous one; marks of an earlier no come off."""
    marks: Marks = {tags.RELEASED_AT: written(now), tags.RELEASED_BY: by, **extra}
    marks |= _said(version, why, execution)
    marks |= dict.fromkeys(sorted({tags.ROLLED_BACK, tags.REJECTED, tags.REFUSED_DECISION} & {*version.tags}))
    proof = marks.get(tags.DECISION_SHA256) or version.tags.get(tags.DECISION_SHA256, "")
    event = _event("released", version, now, by=by, why=why, execution=execution, decision_sha256=proof)
    aliases: Aliases = {tags.CHAMPION: version.number}
    if (champion := state.aliases.get(tags.CHAMPION)) is not None:
        aliases[tags.PREVIOUS] = champion
    return Intent(
        action="promote",
        version=version.number,
        champion=champion,
        previous=state.aliases.get(tags.PREVIOUS),
        aliases=aliases | waits_no_longer(version),
        tags={version.number: marks},
        events=state.keyed(event),
    )


def restoration(
    state: State, out: Version, back: Version, now: datetime, *, by: str, why: str, execution: str, released: bool
) -> Intent:
    """`back` serves again and `out` is marked; `released` says that it is a release of `back` in the execution."""
    marks: Marks = {tags.RESTORED_AT: written(now)}
    marks |= dict.fromkeys(sorted({tags.ROLLED_BACK, tags.REFUSED_DECISION, tags.RELEASED_IN} & {*back.tags}))
    if released:
        marks |= {tags.RELEASED_BY: by} | _said(back, why, execution)
    return Intent(
        action="rollback",
        version=back.number,
        champion=out.number,
        previous=back.number,
        aliases={tags.CHAMPION: back.number, tags.PREVIOUS: out.number},
        tags={out.number: {tags.ROLLED_BACK: f"{written(now)}: {why}"} | _refused(out), back.number: marks},
        events=state.keyed(
            _event("taken out", out, now, by=by, why=why, execution=execution),
            _event("restored", back, now, by=by, why=why, execution=execution),
        ),
    )


def rejection(state: State, version: Version, now: datetime, *, by: str, why: str) -> Intent:
    """The version is marked and waits no longer."""
    proof = version.tags.get(tags.DECISION_SHA256, "")
    return Intent(
        action="reject",
        version=version.number,
        champion=state.aliases.get(tags.CHAMPION),
        previous=state.aliases.get(tags.PREVIOUS),
        aliases=waits_no_longer(version),
        tags={version.number: {tags.REJECTED: f"{written(now)} by {by}: {why}"} | _refused(version)},
        events=state.keyed(_event("rejected", version, now, by=by, why=why, decision_sha256=proof)),
    )


def waits_no_longer(version: Version) -> Aliases:
    return {tags.CHALLENGER: None} if tags.CHALLENGER in version.aliases else {}


def written(moment: datetime) -> str:
    """A time as it stands in tags."""
    return moment.astimezone(UTC).isoformat()


def _length(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False)) - 2


def _refused(version: Version) -> Marks:
    """The decision that a no is about, by its content: clocks of machines differ."""
    proof = version.tags.get(tags.DECISION_SHA256)
    return {} if proof is None else {tags.REFUSED_DECISION: proof}


def _said(version: Version, why: str, execution: str) -> Marks:
    """What was said about a release; what an earlier one left is taken off."""
    given = {tags.RELEASED_WHY: why, tags.RELEASED_IN: execution}
    return {key: value or None for key, value in given.items() if value or key in version.tags}


def _event(happened: Happened, version: Version, now: datetime, **said: str) -> Event:
    return Event(happened=happened, at=now, version=version.number, digest=version.digest, **said)
