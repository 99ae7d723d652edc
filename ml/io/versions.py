"""Versions of a registered model as they are read from MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.io import tags
from ml.io.journal import State
from ml.io.tracking import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


class NoSuchVersionError(TrackingError):
    """The model has no version of that number."""


class NoChampionError(TrackingError):
    """Nothing has been released yet."""


class NothingToRollBackToError(TrackingError):
    """There is no earlier release."""


class IsChampionError(TrackingError):
    """What is asked for cannot be done to the version that serves."""


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
    def rejected(self) -> str | None:
        """Time, who and why, while a person does not want it released."""
        return self.tags.get(tags.REJECTED)

    @property
    def rolled_back(self) -> str | None:
        """Time and reason, while the version is out."""
        return self.tags.get(tags.ROLLED_BACK)


def read_state(client: MlflowClient, name: str) -> State:
    # Read from the model: not every store fills the aliases of the versions that a search finds.
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return State({}, {})
    return State({alias: int(number) for alias, number in model.aliases.items()}, dict(model.tags))


def read_entities(client: MlflowClient, name: str) -> Iterator[ModelVersion]:
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def read_version(client: MlflowClient, entity: ModelVersion, aliases: Mapping[str, int]) -> Version:
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
