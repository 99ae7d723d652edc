"""MLflow as a program: what it is started with, wherever it runs."""

from __future__ import annotations

PORT = 5000
HEALTH = "/health"
STORE = "postgresql+psycopg://"
"""The rest of the address is libpq's, PGHOST and so on: no password stands in a URI or on a command line."""
SERVE = ("mlflow", "server", "--host", "0.0.0.0", "--port", str(PORT), "--workers", "2")  # noqa: S104  # a container
MIGRATE = ("mlflow", "db", "upgrade", STORE)
MIGRATE_USERS = ("python", "-m", "mlflow.server.auth", "db", "upgrade", "--url", STORE)


def serve(*, login: bool) -> tuple[str, ...]:
    return (*SERVE, "--app-name", "basic-auth") if login else SERVE


def migrate(*, login: bool) -> tuple[str, ...]:
    """An empty database gets its tables, a current one stays as it is. The users have a schema of their own."""
    return ("sh", "-c", f"{' '.join(MIGRATE)} && {' '.join(MIGRATE_USERS)}") if login else MIGRATE


def settings(*, artifacts: str, hosts: tuple[str, ...], origins: tuple[str, ...]) -> dict[str, str]:
    """The server's environment. `artifacts`: where new experiments keep theirs; clients go there themselves.

    `hosts` are the names it may be called by, `origins` those of pages that may write.
    """
    return {
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifacts,
        "MLFLOW_SERVE_ARTIFACTS": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
        # Longer than a load balancer keeps an idle connection: closed first here, one of its requests would be lost.
        "MLFLOW_UVICORN_OPTS": "--timeout-keep-alive 75",
    }
