"""What is released: versions of one model, their aliases, and how the champion changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ml.io import tags
from ml.io.tracking import Tracking, TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
            return self._get(client, number, _aliases(client, self.name))

    def aliased(self, alias: str) -> Version | None:
        """The version that an alias (challenger, champion, previous) points to."""
        with self.tracking.session() as client:
            aliases = _aliases(client, self.name)
            return self._get(client, aliases[alias], aliases) if alias in aliases else None

    def champion(self) -> Version:
        """Raises NoChampionError."""
        if (found := self.aliased(tags.CHAMPION)) is None:
            raise self._no_champion()
        return found

    def set_challenger(self, number: int) -> None:
        """Raises NoSuchVersionError."""
        with self._change() as (client, aliases):
            self._get(client, number, aliases)
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
            self._get(client, number, aliases)
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
                self._tag(client, number, release)
                self._untag(client, number, tags.ROLLED_BACK)
                client.set_registered_model_alias(self.name, tags.CHAMPION, str(number))
            if aliases.get(tags.CHALLENGER) == number:
                client.delete_registered_model_alias(self.name, tags.CHALLENGER)
            return self._get(client, number, _aliases(client, self.name))

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
            self._get(client, previous, aliases)
            self._tag(client, champion, {tags.ROLLED_BACK: f"{now}: {reason}"})
            self._tag(client, previous, {tags.RESTORED_AT: now})
            self._untag(client, previous, tags.ROLLED_BACK)
            client.set_registered_model_alias(self.name, tags.CHAMPION, str(previous))
            client.set_registered_model_alias(self.name, tags.PREVIOUS, str(champion))
            swapped = _aliases(client, self.name)
            return Rollback(self._get(client, previous, swapped), self._get(client, champion, swapped))

    def tag(self, number: int, values: Mapping[str, str]) -> None:
        """Raises NoSuchVersionError."""
        with self.tracking.session() as client:
            self._get(client, number, {})
            self._tag(client, number, values)

    @contextmanager
    def _change(self) -> Iterator[tuple[MlflowClient, dict[str, int]]]:
        """A session under the model's lock, with the aliases as they are once the lock is held."""
        with self.tracking.lock(self.name), self.tracking.session() as client:
            yield client, _aliases(client, self.name)

    def _get(self, client: MlflowClient, number: int, aliases: Mapping[str, int]) -> Version:
        for entity in client.search_model_versions(f"name = '{self.name}' AND version_number = {int(number)}"):
            return _version(client, entity, aliases)
        raise NoSuchVersionError(f"{self.name} has no version {number}")

    def _tag(self, client: MlflowClient, number: int, values: Mapping[str, str]) -> None:
        for key, value in values.items():
            client.set_model_version_tag(self.name, str(number), key, value)

    def _untag(self, client: MlflowClient, number: int, key: str) -> None:
        if key in self._get(client, number, {}).tags:
            client.delete_model_version_tag(self.name, str(number), key)

    def _no_champion(self) -> NoChampionError:
        return NoChampionError(f"{self.name} has no champion: nothing has been released yet")

    def _now(self) -> str:
        return self.clock().astimezone(UTC).isoformat(timespec="seconds")


def _named(number: int | None) -> str:
    return "not set" if number is None else f"version {number}"


def _aliases(client: MlflowClient, name: str) -> dict[str, int]:
    for model in client.search_registered_models(f"name = '{name}'"):
        # The search leaves aliases out in some stores.
        return {alias: int(number) for alias, number in client.get_registered_model(model.name).aliases.items()}
    return {}


def _entities(client: MlflowClient, name: str) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _version(client: MlflowClient, entity: Any, aliases: Mapping[str, int]) -> Version:
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
