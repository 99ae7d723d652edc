"""The tracking stack's own commands as processes beside a real PostgreSQL."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aws_cdk.assertions import Template

from stacks.constructs.mlflow_program import PORT
from tests.support.postgres import Postgres, create_database
from tests.support.processes import LOOPBACK, accepts, scratch, serve
from tests.support.tracking import Process, container

SEARCH = "/ajax-api/2.0/mlflow/experiments/search"


def new_database(postgres: Postgres, name: str) -> dict[str, str]:
    """A new database, as the variables with which a container finds it; this PostgreSQL has no TLS."""
    create_database(postgres, name)
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": LOOPBACK,
        "PGPORT": str(postgres.port),
        "PGUSER": postgres.user,
        "PGDATABASE": name,
        "PGPASSWORD": postgres.password,
        "PGSSLMODE": "disable",
    }


def migrate(template: Template, environment: Mapping[str, str]) -> str:
    """`environment` holds the values of the secrets. Returns what the migration said."""
    process = Process.of(container(template, "Migration"))
    assert process.secrets <= environment.keys()
    with scratch() as folder:
        done = subprocess.run(
            process.command,
            env={**process.environment, "HOME": str(folder), **environment},
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return done.stderr


@contextmanager
def mlflow_of(template: Template, environment: Mapping[str, str]) -> Iterator[int]:
    """The server's own command, on another port."""
    process = Process.of(container(template, "Server"))

    def command(port: int) -> list[str]:
        return [str(port) if word == str(PORT) else word for word in process.command]

    known = {**process.environment, "MLFLOW_DEFAULT_ARTIFACT_ROOT": "s3://artifacts/mlflow", **environment}
    with scratch() as folder, serve(command, _answers, folder, environment=known) as port:
        yield port


def _answers(port: int) -> bool:
    return accepts(port) and ask(port, "/health", "localhost")[0] == 200


def ask(
    port: int, path: str, host: str, origin: str | None = None, login: tuple[str, str] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
    headers = {"Host": host, "Content-Type": "application/json", **({"Origin": origin} if origin else {})}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
    try:
        body = json.dumps({"max_results": 5}) if path.endswith("search") else None
        connection.request("POST" if body else "GET", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()
