"""Real servers for tests: S3, and MLflow on PostgreSQL and S3. Each ends with its block."""

from __future__ import annotations

import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.postgres import Postgres, create_database
from tests.support.processes import LOOPBACK, accepts, scratch, serve


@dataclass(frozen=True)
class S3:
    """A running S3 server and what a process needs in its environment to use it."""

    endpoint: str
    bucket: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
        }

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@dataclass(frozen=True)
class MlflowServer:
    """A running MLflow server; its clients write artifacts straight to S3 and need `s3.environment`."""

    uri: str
    s3: S3
    postgres: Postgres


@contextmanager
def s3_server(bucket: str = "evergreen") -> Iterator[S3]:
    """moto's S3 in a process of its own, with one bucket."""
    moto = Path(sys.executable).with_name("moto_server")
    with (
        scratch() as folder,
        serve(lambda port: [moto, "-H", LOOPBACK, "-p", str(port)], accepts, folder) as port,
    ):
        server = S3(f"http://{LOOPBACK}:{port}", bucket)
        server.client().create_bucket(Bucket=bucket)
        yield server


@contextmanager
def mlflow_server(postgres: Postgres, s3: S3) -> Iterator[MlflowServer]:
    """`mlflow server` on its own database and on a prefix of the bucket, with one worker and no job consumers.

    New experiments keep their artifacts straight on S3; the proxy (`mlflow-artifacts:/`) works for those that name it.
    """
    database = f"mlflow_{secrets.token_hex(4)}"
    create_database(postgres, database)
    environment = {
        **s3.environment,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": postgres.uri(database),
        "PGPASSWORD": postgres.password,
    }
    root = f"s3://{s3.bucket}/{database}"

    def command(port: int) -> list[str]:
        return [
            sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1",
            "--default-artifact-root", root, "--serve-artifacts", "--artifacts-destination", f"{root}/proxied",
        ]  # fmt: skip

    with scratch() as folder, serve(command, _healthy, folder, environment=environment) as port:
        yield MlflowServer(f"http://{LOOPBACK}:{port}", s3, postgres)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
