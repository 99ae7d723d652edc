"""What is released: versions of one model, their aliases, and how the champion changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.io import tags
from ml.io.tracking import Tracking, TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


class NoSuchVersionError(TrackingError):
    """The model has no version of that number."""


class NoChampionError(TrackingError):
    """Nothing has been released yet."""


class NothingToRollBackToError(TrackingError):
    """There is no earlier release."""


class ChampionMovedError(TrackingError):
    """The champion is not the one that the decision was made against."""


@dataclass(frozen=True)
class Version:
    """A registered version as `evergreen status` shows it. Times in tags are ISO 8601, UTC."""

    name: str
    number: int
    digest: str
    bundle_uri: str
    run_id: str
    created: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def released_at(self) -> str | None:
        return self.tags.get(tags.RELEASED_AT)

    @property
    def rolled_back(self) -> str | None:
        """Time and reason, while the version is out."""
        return self.tags.get(tags.ROLLED_BACK)


@dataclass(frozen=True)
class Rollback:
    """The version that serves now, and the one that was taken out."""

    champion: Version
    taken_out: Version


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
            aliases = _aliases(client, self.name)
            found = [_version(client, entity, aliases) for entity in _entities(client, self.name)]
        return tuple(sorted(found, key=lambda version: version.number, reverse=True))

    def version(self, number: int) -> Version:
        """Raises NoSuchVersionError."""
        with self.tracking.session() as client:
            return self._read(client, number)

    def aliased(self, alias: str) -> Version | None:
        """The version that an alias (challenger, champion, previous) points to."""
        with self.tracking.session() as client:
            number = _aliases(client, self.name).get(alias)
            return None if number is None else self._read(client, number)

    def champion(self) -> Version:
        """Raises NoChampionError."""
        if (found := self.aliased(tags.CHAMPION)) is None:
            raise self._no_champion()
        return found

    def set_challenger(self, number: int) -> None:
        """Raises NoSuchVersionError."""
        with self._change() as (client, _):
            self._entity(client, number)
            client.set_registered_model_alias(self.name, tags.CHALLENGER, str(number))

    def promote(
        self, number: int, *, expected: int | None, by: str, extra_tags: Mapping[str, str] | None = None
    ) -> Version:
        """Make a version the champion, and the champion the previous one.

        `expected` is the champion that the version was compared with (None: there was none). Promoting the champion
        again changes nothing. The alias `champion` moves last: a failure before that leaves the release as it was,
        and promoting again completes it. Raises NoSuchVersionError and ChampionMovedError.
        """
        with self._change() as (client, aliases):
            entity = self._entity(client, number)
            champion = aliases.get(tags.CHAMPION)
            if champion != number:
                if champion != expected:
                    raise ChampionMovedError(
                        f"the champion of {self.name} is {_named(champion)}, not {_named(expected)} which version "
                        f"{number} was compared with: evaluate it again"
                    )
                if champion is not None:
                    client.set_registered_model_alias(self.name, tags.PREVIOUS, str(champion))
                release = {tags.RELEASED_AT: self._now(), tags.RELEASED_BY: by, **(extra_tags or {})}
                self._tag(client, entity, release)
                self._clear_mark(client, entity)
                client.set_registered_model_alias(self.name, tags.CHAMPION, str(number))
            if aliases.get(tags.CHALLENGER) == number:
                client.delete_registered_model_alias(self.name, tags.CHALLENGER)
            return self._read(client, number)

    def rollback(self, reason: str) -> Rollback:
        """Make the previous version the champion again; a second rollback undoes the first.

        Raises NoChampionError and NothingToRollBackToError.
        """
        with self._change() as (client, aliases):
            champion, previous = aliases.get(tags.CHAMPION), aliases.get(tags.PREVIOUS)
            if champion is None:
                raise self._no_champion()
            if previous is None or previous == champion:
                raise NothingToRollBackToError(f"{self.name} has no release before version {champion} to go back to")
            now = self._now()
            back, out = self._entity(client, previous), self._entity(client, champion)
            self._tag(client, out, {tags.ROLLED_BACK: f"{now}: {reason}"})
            self._tag(client, back, {tags.RESTORED_AT: now})
            self._clear_mark(client, back)
            client.set_registered_model_alias(self.name, tags.CHAMPION, str(previous))
            client.set_registered_model_alias(self.name, tags.PREVIOUS, str(champion))
            return Rollback(champion=self._read(client, previous), taken_out=self._read(client, champion))

    def tag(self, number: int, values: Mapping[str, str]) -> None:
        """Raises NoSuchVersionError."""
        with self.tracking.session() as client:
            self._tag(client, self._entity(client, number), values)

    @contextmanager
    def _change(self) -> Iterator[tuple[MlflowClient, dict[str, int]]]:
        """A session under the model's lock, with the aliases as they are once the lock is held."""
        with self.tracking.lock(self.name), self.tracking.session() as client:
            yield client, _aliases(client, self.name)

    def _entity(self, client: MlflowClient, number: int) -> ModelVersion:
        for entity in client.search_model_versions(f"name = '{self.name}' AND version_number = {int(number)}"):
            return entity
        raise NoSuchVersionError(f"{self.name} has no version {number}")

    def _read(self, client: MlflowClient, number: int) -> Version:
        return _version(client, self._entity(client, number), _aliases(client, self.name))

    def _tag(self, client: MlflowClient, entity: ModelVersion, values: Mapping[str, str]) -> None:
        for key, value in values.items():
            client.set_model_version_tag(self.name, str(entity.version), key, value)

    def _clear_mark(self, client: MlflowClient, entity: ModelVersion) -> None:
        if tags.ROLLED_BACK in entity.tags:
            client.delete_model_version_tag(self.name, str(entity.version), tags.ROLLED_BACK)

    def _no_champion(self) -> NoChampionError:
        return NoChampionError(f"{self.name} has no champion: nothing has been released yet")

    def _now(self) -> str:
        return self.clock().astimezone(UTC).isoformat(timespec="seconds")


def _named(number: int | None) -> str:
    return "not set" if number is None else f"version {number}"


def _aliases(client: MlflowClient, name: str) -> dict[str, int]:
    # Read from the model: not every store fills the aliases of the versions that a search finds.
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    return {alias: int(number) for alias, number in model.aliases.items()}


def _entities(client: MlflowClient, name: str) -> Iterator[ModelVersion]:
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _version(client: MlflowClient, entity: ModelVersion, aliases: Mapping[str, int]) -> Version:
    number = int(entity.version)
    return Version(
        name=entity.name,
        number=number,
        digest=entity.tags.get(tags.BUNDLE_DIGEST, ""),
        bundle_uri=entity.tags.get(tags.BUNDLE_URI, ""),
        run_id=entity.run_id or "",
        created=datetime.fromtimestamp(entity.creation_timestamp / 1000, UTC),
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
        tags=dict(entity.tags),
        metrics=dict(client.get_run(entity.run_id).data.metrics) if entity.run_id else {},
    )
