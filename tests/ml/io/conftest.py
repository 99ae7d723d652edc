"""Every behaviour is shown on the embedded store and on a real server with PostgreSQL and S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ml.io.registry import Registry
from ml.io.runs import Registered, log_run
from ml.io.tracking import Tracking
from tests.support.runs import training_run
from tests.support.servers import MlflowServer

STORES = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("mlflow-embedded")),
    pytest.param("server", marks=pytest.mark.xdist_group("mlflow-server")),
]


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return Tracking.embedded(tmp_path_factory.mktemp("a project's var"))


@pytest.fixture(scope="session")
def client_environment(mlflow: MlflowServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in mlflow.s3.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", params=STORES)
def tracking(request: pytest.FixtureRequest) -> Tracking:
    if request.param == "embedded":
        embedded: Tracking = request.getfixturevalue("embedded")
        return embedded
    request.getfixturevalue("client_environment")
    server: MlflowServer = request.getfixturevalue("mlflow")
    return Tracking(server.uri)


@dataclass(frozen=True)
class Line:
    """Three versions of one model, logged once per store; each test starts without aliases."""

    registry: Registry
    runs: tuple[Registered, ...]


@pytest.fixture(scope="session")
def logged(tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> Line:
    folder = tmp_path_factory.mktemp("line")
    runs = [log_run(tracking, training_run(folder, name="line", offset=0.1 * n)) for n in range(1, 4)]
    return Line(Registry(tracking, "line"), tuple(runs))


@pytest.fixture
def registry(logged: Line) -> Iterator[Registry]:
    yield logged.registry
    with logged.registry.tracking.session() as client:
        for tag in client.get_registered_model("line").tags:
            client.delete_registered_model_tag("line", tag)
        for alias in client.get_registered_model("line").aliases:
            client.delete_registered_model_alias("line", alias)
        for run in logged.runs:
            for tag in logged.registry.version(run.version).tags:
                if tag.startswith(("evergreen.re", "evergreen.ro", "evergreen.decision")) and tag != "evergreen.reason":
                    client.delete_model_version_tag("line", str(run.version), tag)
