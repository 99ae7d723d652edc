"""What the tracking stack starts is what MLflow understands: its own commands, run on a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aws_cdk.assertions import Template

from functions.migrate.request import Migration
from stacks.constructs.mlflow_program import PORT
from stacks.constructs.mlflow_task import CONTAINER
from tests.support.postgres import Postgres
from tests.support.stacks import template_of
from tests.support.tracking import Process, container, tracking
from tests.support.tracking_server import SEARCH, ask, migrate, mlflow_of, new_database

pytestmark = pytest.mark.xdist_group("mlflow-server")
DATABASE = "tracking_container"
HOST = "mlflow.evergreen.internal"


@pytest.fixture(scope="module")
def template() -> Template:
    return template_of(tracking())


@pytest.fixture(scope="module")
def empty(postgres: Postgres) -> dict[str, str]:
    return new_database(postgres, DATABASE)


@pytest.fixture(scope="module")
def migrated(template: Template, empty: dict[str, str]) -> dict[str, str]:
    migrate(template, empty)
    return empty


@pytest.fixture(scope="module")
def server(template: Template, migrated: dict[str, str]) -> Iterator[int]:
    with mlflow_of(template, migrated) as port:
        yield port


def test_the_migration_makes_the_tables_of_an_empty_database(migrated: dict[str, str]) -> None:
    assert _revision(migrated)


def test_a_second_migration_changes_nothing(template: Template, migrated: dict[str, str]) -> None:
    before = _revision(migrated)
    migrate(template, migrated)
    assert _revision(migrated) == before


def _revision(database: Mapping[str, str]) -> list[Any]:
    import psycopg

    with psycopg.connect(
        host=database["PGHOST"],
        port=database["PGPORT"],
        user=database["PGUSER"],
        password=database["PGPASSWORD"],
        dbname=DATABASE,
    ) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


@pytest.mark.parametrize("host", [f"{HOST}:{PORT}", HOST, "localhost:8080", "127.0.0.1:15000"])
def test_the_server_answers_under_its_names_and_at_the_end_of_a_forwarded_port(server: int, host: str) -> None:
    status, body = ask(server, SEARCH, host)
    assert status == 200, body
    assert json.loads(body)["experiments"][0]["artifact_location"].startswith("s3://artifacts/mlflow/")


@pytest.mark.parametrize("host", ["evil.example.com", f"{HOST}.evil.example.com", "10.0.1.7:5000"])
def test_the_server_refuses_other_names_but_answers_its_health_checks(server: int, host: str) -> None:
    assert ask(server, SEARCH, host)[0] == 403
    assert ask(server, "/health", host)[0] == 200


def test_its_own_page_may_write_and_that_of_others_may_not(server: int) -> None:
    host = f"{HOST}:{PORT}"
    assert ask(server, SEARCH, host, origin=f"http://{host}")[0] == 200
    assert ask(server, SEARCH, host, origin="http://evil.example.com")[0] == 403


def test_artifacts_do_not_pass_through_the_server(server: int) -> None:
    status, _ = ask(server, "/api/2.0/mlflow-artifacts/artifacts?path=", f"{HOST}:{PORT}")
    assert status == 503


def test_idle_connections_outlive_those_of_a_load_balancer(template: Template) -> None:
    options = Process.of(container(template, "Server")).environment["MLFLOW_UVICORN_OPTS"].split()
    assert int(options[options.index("--timeout-keep-alive") + 1]) > 60


def test_behind_an_internal_balancer_the_server_answers_to_its_name_in_small_letters() -> None:
    environment = Process.of(container(template_of(tracking("internal")), "Server")).environment
    zone = "us-east-1.elb.amazonaws.com"
    hosts = [f"internal-dev-tr-addre-1n2m3k4j5h6g-1234567890.{zone}", "localhost:5000", f"dev-tr-1234567890.{zone}"]
    # In a process of its own: importing the server here would configure MLflow for the other tests.
    ask = (
        "import json, sys; from mlflow.server.security_utils import is_allowed_host_header as allowed;"
        "names, *hosts = sys.argv[1:]; print(json.dumps([allowed(names.split(','), host) for host in hosts]))"
    )
    command = [sys.executable, "-c", ask, environment["MLFLOW_SERVER_ALLOWED_HOSTS"], *hosts]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout) == [True, True, False]


def test_the_function_understands_what_its_stack_gives_it(template: Template) -> None:
    (run,) = template.find_resources("AWS::CloudFormation::CustomResource").values()
    given = {name: value if isinstance(value, str | list) else "resolved" for name, value in run["Properties"].items()}
    given |= {"Subnets": ["subnet-1"], "Released": run["Properties"]["Released"]["Fn::If"][1]}
    migration = Migration.model_validate(given)
    assert migration.released
    logs = container(template, "Migration")
    prefix = logs["LogConfiguration"]["Options"]["awslogs-stream-prefix"]
    assert migration.log_stream == f"{prefix}/{logs['Name']}" == f"{prefix}/{CONTAINER}"
