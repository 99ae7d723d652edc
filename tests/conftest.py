"""Servers that tests share: started when a test first asks, one of each per worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import Postgres, postgres_server
from tests.support.servers import S3, MlflowServer, mlflow_server, s3_server

# A busy machine is no failure of what is tested; speed is what `make bench` measures.
settings.register_profile("evergreen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("evergreen")


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
