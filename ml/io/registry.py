"""What is released: versions of one model, their aliases, and how the champion changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.io import tags
from ml.io.changes import NAME, brief, promotion, rejection, restoration, spoken, waits_no_longer
from ml.io.journal import Event, State, Writer, carry_out, settle
from ml.io.locks import lock
from ml.io.tracking import Tracking
from ml.io.versions import (
    ChampionMovedError,
    IsChampionError,
    NoChampionError,
    NoSuchVersionError,
    NothingToRollBackToError,
    Version,
    read_entities,
    read_state,
    read_version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


__all__ = [
    "ChampionMovedError",
    "IsChampionError",
    "NoChampionError",
    "NoSuchVersionError",
    "NothingToRollBackToError",
    "Registry",
    "Rollback",
    "Version",
]


@dataclass(frozen=True)
class Rollback:
    """The version that serves now, and the one that was taken out."""

    champion: Version
    taken_out: Version


def _everything(_: Version) -> None:
    """Refuse nothing."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Registry:
    """The versions of the model `name`. Every method raises TrackingError when the store cannot be used."""

    tracking: Tracking
    name: str
    clock: Callable[[], datetime] = _utc_now

    def versions(self) -> tuple[Version, ...]:
        """All versions, newest first; none when nothing was registered under the name."""
        with self.tracking.session() as client:
            aliases = read_state(client, self.name).aliases
            found = [read_version(client, entity, aliases) for entity in read_entities(client, self.name)]
        return tuple(sorted(found, key=lambda version: version.number, reverse=True))

    def version(self, number: int) -> Version:
        """Raises NoSuchVersionError."""
        with self.tracking.session() as client:
            return self._read(client, number)

    def aliased(self, alias: str) -> Version | None:
        """The version that an alias (challenger, champion, previous) points to."""
        with self.tracking.session() as client:
            number = read_state(client, self.name).aliases.get(alias)
            return None if number is None else self._read(client, number)

    def champion(self) -> Version:
        """Raises NoChampionError."""
        if (found := self.aliased(tags.CHAMPION)) is None:
            raise self._no_champion()
        return found

    def events(self) -> tuple[Event, ...]:
        """What happened to the releases since that is recorded, oldest first."""
        with self.tracking.session() as client:
            return tuple(read_state(client, self.name).events.values())

    def set_challenger(self, number: int) -> None:
        """Raises NoSuchVersionError."""
        with self._change() as (writer, _):
            self._entity(writer.client, number)
            writer.alias(tags.CHALLENGER, number)

    def promote(
        self,
        number: int,
        *,
        expected: int | None,
        by: str,
        why: str = "",
        execution: str = "",
        extra_tags: Mapping[str, str] | None = None,
        allow: Callable[[Version], None] = _everything,
    ) -> Version:
        """Make a version the champion, and the champion the previous one.

        `expected` is the champion that the version was compared with (None: there was none). Promoting the champion
        again changes nothing. `allow` is asked under the lock and refuses by raising. Whatever fails, the champion is
        the old one or the new one, and the next change completes the rest. Raises NoSuchVersionError and
        ChampionMovedError.
        """
        with self._change() as (writer, state):
            version = self._read(writer.client, number)
            champion = state.aliases.get(tags.CHAMPION)
            if champion == number:
                for alias, target in waits_no_longer(version).items():
                    writer.alias(alias, target)
                return self._read(writer.client, number)
            if champion != expected:
                raise ChampionMovedError(
                    f"the champion of {self.name} is {_named(champion)}, not {_named(expected)} which version "
                    f"{number} was compared with: prove it again"
                )
            allow(version)
            extra = extra_tags or {}
            carry_out(writer, promotion(state, version, self.clock(), extra=extra, **spoken(by, why, execution)))
            return self._read(writer.client, number)

    def rollback(
        self,
        reason: str,
        *,
        to: int | None = None,
        by: str = "",
        execution: str = "",
        allow: Callable[[Version], None] = _everything,
    ) -> Rollback:
        """Make the previous version the champion again; a second rollback undoes the first.

        With `to` it is a release of that version in the execution, and done only if that is the previous one. `allow`
        is asked about the champion under the lock and refuses by raising. Raises NoChampionError and
        NothingToRollBackToError.
        """
        with self._change() as (writer, state):
            champion, previous = state.aliases.get(tags.CHAMPION), state.aliases.get(tags.PREVIOUS)
            if champion is None:
                raise self._no_champion()
            out = self._read(writer.client, champion)
            allow(out)
            if previous is None or previous == champion or to not in (None, previous):
                before = "no release" if to is None else f"no version {to}"
                raise NothingToRollBackToError(f"{self.name} has {before} before version {champion} to go back to")
            back = self._read(writer.client, previous)
            if back.rejected is not None:
                raise NothingToRollBackToError(
                    f"{self.name} has no release before version {champion} to go back to: version {previous} was "
                    f"rejected, {back.rejected}"
                )
            said = spoken(by, reason, execution)
            carry_out(writer, restoration(state, out, back, self.clock(), released=to is not None, **said))
            return Rollback(champion=self._read(writer.client, previous), taken_out=self._read(writer.client, champion))

    def reject(self, number: int, *, by: str, why: str) -> Version:
        """Mark a version as one that a person does not want released, and let it wait no longer.

        Raises NoSuchVersionError, and IsChampionError for the one that is released.
        """
        with self._change() as (writer, state):
            version = self._read(writer.client, number)
            if tags.CHAMPION in version.aliases:
                raise IsChampionError(f"{self.name} version {number} is the champion; take it out with a rollback")
            carry_out(writer, rejection(state, version, self.clock(), by=brief(by, NAME), why=brief(why)))
            return self._read(writer.client, number)

    def settle(self) -> None:
        """Complete or forget a change that a process left unfinished. Without one there is nothing to wait for."""
        with self.tracking.session() as client:
            begun = read_state(client, self.name).intent is not None
        if begun:
            with self._change():
                pass

    def tag(self, number: int, values: Mapping[str, str]) -> None:
        """Raises NoSuchVersionError."""
        with self.tracking.session() as client:
            self._entity(client, number)
            for key, value in values.items():
                client.set_model_version_tag(self.name, str(number), key, value)

    @contextmanager
    def _change(self) -> Iterator[tuple[Writer, State]]:
        """The right to write, and the model as it is once the lock is held and nothing is unfinished."""
        with lock(self.tracking, self.name) as hold, self.tracking.session(locked=True) as client:
            writer, state = Writer(client, self.name, hold), read_state(client, self.name)
            if settle(writer, state):
                state = read_state(client, self.name)
            yield writer, state

    def _entity(self, client: MlflowClient, number: int) -> ModelVersion:
        for entity in client.search_model_versions(f"name = '{self.name}' AND version_number = {int(number)}"):
            return entity
        raise NoSuchVersionError(f"{self.name} has no version {number}")

    def _read(self, client: MlflowClient, number: int) -> Version:
        return read_version(client, self._entity(client, number), read_state(client, self.name).aliases)

    def _no_champion(self) -> NoChampionError:
        return NoChampionError(f"{self.name} has no champion: nothing has been released yet")


def _named(number: int | None) -> str:
    return "not set" if number is None else f"version {number}"
