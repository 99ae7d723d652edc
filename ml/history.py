"""Who released what, when and why: from the registry alone."""

from __future__ import annotations

from datetime import UTC, datetime

from ml.io import tags
from ml.io.journal import Event, Happened
from ml.io.registry import Registry, Version


def history(registry: Registry) -> tuple[Event, ...]:
    """What happened to the model's releases, oldest first.

    Releases from before events were recorded are known from the tags of their versions, which keep the last one each.
    """
    events = registry.events()
    known = {(event.happened, event.version, event.at) for event in events}
    told = [event for version in registry.versions() for event in _from_tags(version) if event is not None]
    before = [event for event in told if (event.happened, event.version, event.at) not in known]
    return (*sorted(before, key=lambda event: event.at), *events)


def _from_tags(version: Version) -> list[Event | None]:
    known = version.tags
    found = []
    if (released := known.get(tags.RELEASED_AT)) is not None:
        proof = known.get(tags.DECISION_SHA256, "")
        by, why = known.get(tags.RELEASED_BY, ""), known.get(tags.RELEASED_WHY, "")
        found.append(_event("released", version, released, by=by, why=why, decision_sha256=proof))
    if (restored := known.get(tags.RESTORED_AT)) is not None:
        found.append(_event("restored", version, restored))
    if version.rolled_back is not None:
        at, _, why = version.rolled_back.partition(": ")
        found.append(_event("taken out", version, at, why=why))
    return found


def _event(happened: Happened, version: Version, at: str, **said: str) -> Event | None:
    """None for a mark that a person wrote by hand, without a time."""
    try:
        moment = datetime.fromisoformat(at).astimezone(UTC)
    except ValueError:
        return None
    return Event(happened=happened, at=moment, version=version.number, digest=version.digest, **said)
