"""The service reads MLflow's registry without MLflow; here MLflow itself writes what is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.io import tags
from ml.io.registry import Registry as Releases
from ml.io.runs import log_run
from ml.io.tracking import Tracking
from service.bundle import Bundle, read_bundle
from service.connect import connect
from service.registry import (
    DIGEST_TAG,
    LOCATION_TAG,
    AliasUnset,
    FetchError,
    ModelUnknown,
    NotABundle,
    Registry,
    RegistryUnreachable,
    Release,
)
from service.settings import Settings
from tests.support.bundles import write_bundle
from tests.support.processes import free_port
from tests.support.runs import training_run
from tests.support.servers import MlflowServer

STORES = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("mlflow-embedded")),
    pytest.param("server", marks=pytest.mark.xdist_group("mlflow-server")),
]


@pytest.fixture(scope="module", params=STORES)
def tracking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    """A database file with artifacts in a folder; a server on PostgreSQL with artifacts on S3."""
    if request.param == "embedded":
        yield Tracking.embedded(tmp_path_factory.mktemp("a project's var"))
        return
    server: MlflowServer = request.getfixturevalue("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.s3.environment.items():
            patch.setenv(name, value)
        yield Tracking(server.uri)


def reader(tracking: Tracking, model: str) -> Registry:
    registry = connect(Settings(model=model, tracking_uri=tracking.uri, timeout_seconds=20))
    assert registry is not None
    return registry


@pytest.fixture(scope="module")
def logged(tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """Two versions of `contract`, logged by the trainer's own code."""
    folder = tmp_path_factory.mktemp("contract")
    runs = [training_run(folder, name="contract", offset=0.1 * n) for n in (1, 2)]
    for run in runs:
        log_run(tracking, run)
    return [run.bundle for run in runs]


def test_the_names_of_the_tags_are_the_same_on_both_sides() -> None:
    assert (DIGEST_TAG, LOCATION_TAG) == (tags.BUNDLE_DIGEST, tags.BUNDLE_URI)


def test_a_release_is_followed_and_its_bundle_arrives_whole(
    tracking: Tracking, logged: list[Bundle], tmp_path: Path
) -> None:
    releases, registry = Releases(tracking, "contract"), reader(tracking, "contract")
    expected = None
    for number in (1, 2):
        releases.promote(number, expected=expected, by="a test")
        expected = number
        release = registry.champion()
        assert (release.name, release.version) == ("contract", str(number))
        assert release.digest == logged[number - 1].digest
        into = tmp_path / str(number)
        into.mkdir()
        registry.fetch(release, into)
        assert read_bundle(into, expect=release.digest).schema == logged[number - 1].schema
    releases.rollback("a test")
    assert registry.champion().version == "1"


def test_an_unknown_model_an_unset_alias_and_a_foreign_version_are_told_apart(tracking: Tracking) -> None:
    with tracking.session() as client:
        client.create_registered_model("foreign")
        with pytest.raises(ModelUnknown):
            reader(tracking, "nobody").champion()
        with pytest.raises(AliasUnset):
            reader(tracking, "foreign").champion()
        run = client.create_run(client.create_experiment("foreign"))
        version = client.create_model_version("foreign", run.info.artifact_uri or "", run.info.run_id)
        client.set_registered_model_alias("foreign", "champion", version.version)
    with pytest.raises(NotABundle):
        reader(tracking, "foreign").champion()


def test_a_bundle_that_is_not_where_the_registry_says_cannot_be_fetched(
    tracking: Tracking, logged: list[Bundle], tmp_path: Path
) -> None:
    location = f"{_location(tracking, 'contract')}-elsewhere"
    release = Release(name="contract", version="1", digest=logged[0].digest, location=location)
    with pytest.raises(FetchError):
        reader(tracking, "contract").fetch(release, tmp_path)


@pytest.mark.xdist_group("mlflow-server")
def test_artifacts_that_the_server_passes_through_arrive_whole(
    mlflow: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in mlflow.s3.environment.items():
        monkeypatch.setenv(name, value)
    tracking = Tracking(mlflow.uri)
    bundle = write_bundle(tmp_path / "bundle")
    with tracking.session() as client:
        experiment = client.create_experiment("proxied", artifact_location="mlflow-artifacts:/proxied")
        run = client.create_run(experiment)
        client.log_artifacts(run.info.run_id, str(bundle.folder), "the bundle")
        location = f"{run.info.artifact_uri}/the bundle"
    assert location.startswith("mlflow-artifacts:")
    registry, into = reader(tracking, "proxied"), tmp_path / "into"
    into.mkdir()
    registry.fetch(Release(name="proxied", version="1", digest=bundle.digest, location=location), into)
    assert read_bundle(into, expect=bundle.digest).digest == bundle.digest
    absent = Release(name="proxied", version="1", digest=bundle.digest, location="mlflow-artifacts:/nowhere")
    with pytest.raises(FetchError):
        registry.fetch(absent, into)


def test_a_registry_that_is_away_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"this is not a database, but it is long enough to be read as one" * 20)
    for uri in (
        f"http://127.0.0.1:{free_port()}",
        f"sqlite:///{tmp_path / 'absent.db'}",
        f"sqlite:///{tmp_path / 'other.db'}",
    ):
        with pytest.raises(RegistryUnreachable):
            reader(Tracking(uri), "contract").champion()
    assert not (tmp_path / "absent.db").exists()


def _location(tracking: Tracking, model: str) -> str:
    with tracking.session() as client:
        version: Any = client.get_model_version(model, "1")
    return str(version.tags[tags.BUNDLE_URI])
