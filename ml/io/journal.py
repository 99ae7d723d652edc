"""What is about to change, written down before it changes, so that whoever comes next finishes it or forgets it.

One write decides: that of the alias `champion`. What comes after it may be done again, what comes before it is only
the intent. So a process may die anywhere, and the champion is either the old one or the new one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, ValidationError

from ml.io import tags
from ml.io.leases import Hold
from ml.io.tracking import TrackingError
from service.schema import Frozen

if TYPE_CHECKING:
    from mlflow import MlflowClient

Happened = Literal["released", "restored", "taken out", "rejected"]
LONGEST = 5000
"""Characters of a registered model's tag: MLflow's check allows more than its database holds."""


_NUMBERED = re.compile(re.escape(tags.EVENT) + r"(?P<number>[0-9]{1,12})\.[0-9a-f]+")
"""The key of an event. What people call their own tags is none of it, however it begins."""


class Event(Frozen):
    """Something that happened to a version's release. An empty text is what nobody said."""

    happened: Happened
    at: AwareDatetime
    version: int
    digest: str = ""
    by: str = ""
    why: str = ""
    execution: str = ""
    decision_sha256: str = ""


class Intent(Frozen):
    """A change as it will be when it is done: `aliases` and the versions' `tags` (None: taken off), and its events.

    `champion` and `previous` are the versions as they were; `version` is the one that it is about.
    """

    action: Literal["promote", "rollback", "reject"]
    version: int
    champion: int | None
    previous: int | None
    aliases: dict[str, int | None]
    tags: dict[int, dict[str, str | None]]
    events: dict[str, Event]

    def decided(self, aliases: Mapping[str, int]) -> bool:
        """Whether the change took place: the champion has moved. A rejection moves none and always stands."""
        return self.action == "reject" or aliases.get(tags.CHAMPION) == self.version


@dataclass(frozen=True)
class State:
    """A model's aliases and its own tags."""

    aliases: Mapping[str, int]
    tags: Mapping[str, str]

    @property
    def intent(self) -> Intent | None:
        """What was begun and not ended. Raises TrackingError for one that this code does not know."""
        content = self.tags.get(tags.INTENT)
        try:
            return Intent.model_validate_json(content) if content is not None else None
        except ValidationError as error:
            problem = f"an unfinished change of a release cannot be read ({tags.INTENT}); a newer evergreen wrote it"
            raise TrackingError(problem) from error

    @property
    def events(self) -> dict[str, Event]:
        """What happened, oldest first, with that of an unfinished change that took place.

        Raises TrackingError for one that this code does not know.
        """
        found = {key: _event(key, value) for key, value in self.tags.items() if _NUMBERED.fullmatch(key)}
        if (intent := self.intent) is not None and intent.decided(self.aliases):
            found |= intent.events
        return dict(sorted(found.items()))

    def keyed(self, *events: Event) -> dict[str, Event]:
        """Each with the key of its tag: numbered in the order of locks, for clocks of machines differ."""
        taken = [int(found["number"]) for key in self.tags if (found := _NUMBERED.fullmatch(key))]
        first = max(taken, default=0) + 1
        return {f"{tags.EVENT}{first + n:06d}.{secrets.token_hex(4)}": event for n, event in enumerate(events)}


@dataclass(frozen=True)
class Writer:
    """Writes to one model under its lock; every write raises LeaseOverError once the lock may be another's."""

    client: MlflowClient
    name: str
    hold: Hold

    def alias(self, alias: str, number: int | None) -> None:
        self.hold.check()
        if number is None:
            self.client.delete_registered_model_alias(self.name, alias)
        else:
            self.client.set_registered_model_alias(self.name, alias, str(number))

    def tag(self, number: int, key: str, value: str | None) -> None:
        self.hold.check()
        if value is None:
            self.client.delete_model_version_tag(self.name, str(number), key)
        else:
            self.client.set_model_version_tag(self.name, str(number), key, value)

    def note(self, key: str, value: str | None) -> None:
        """A tag of the model itself."""
        self.hold.check()
        if value is None:
            self.client.delete_registered_model_tag(self.name, key)
        else:
            self.client.set_registered_model_tag(self.name, key, value)


def carry_out(writer: Writer, intent: Intent) -> None:
    """Write the intent down, and do it. Raises TrackingError for one that is too long to be written; nothing is done
    then."""
    content = intent.model_dump_json(exclude_defaults=True)
    if len(content) > LONGEST:
        raise TrackingError(f"the names and reasons given are too long: {len(content)} characters of {LONGEST}")
    writer.note(tags.INTENT, content)
    _finish(writer, intent)


def settle(writer: Writer, state: State) -> bool:
    """Finish what another began, where the champion had moved, and forget it where not. Whether there was anything."""
    if (intent := state.intent) is None:
        return False
    if intent.decided(state.aliases):
        _finish(writer, intent)
    else:
        writer.note(tags.INTENT, None)
    return True


def _event(key: str, content: str) -> Event:
    try:
        return Event.model_validate_json(content)
    except ValidationError as error:
        raise TrackingError(f"what happened to a release cannot be read ({key}); a newer evergreen wrote it") from error


def _finish(writer: Writer, intent: Intent) -> None:
    """Every step gives the same when it is done again. The champion is the first of the aliases."""
    for alias, version in intent.aliases.items():
        writer.alias(alias, version)
    for number, values in intent.tags.items():
        for key, value in values.items():
            writer.tag(number, key, value)
    for key, event in intent.events.items():
        writer.note(key, event.model_dump_json(exclude_defaults=True))
    writer.note(tags.INTENT, None)
