"""Where runs and versions are kept: an MLflow server, or a database file and a folder beside it."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ml.errors import UserError
from ml.io.log import event

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's client reads these at each call; by default it retries for minutes, reports its use over the network and
# prints addresses between the lines of whoever calls.
CLIENT_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
RETRIES, PATIENT_RETRIES = 2, 8
"""Of a request, the pause doubling each time from a second: three seconds for a person, four minutes for a job."""
UNDER_WAY = {
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": f"{RETRIES}",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}
"""Of a write under a lock: one that arrives late, when the lock is another's, would undo what that one did."""
LOOK_SECONDS = 1.0
SQLITE = "sqlite:///"


class TrackingError(UserError):
    """Runs or versions could not be read or written; the message is one sentence for the user."""


class UnreachableError(TrackingError):
    """The tracking server or database does not answer."""


class BusyError(TrackingError):
    """Another process holds the lock for longer than we wait."""


@dataclass(frozen=True)
class Tracking:
    """An MLflow tracking store.

    `uri` is `sqlite:///` and a path, or the http(s) address of a server. `artifact_root` is where new experiments
    keep their artifacts; None leaves it to the server. Seconds bound the first contact and the wait for a lock.
    `patience_seconds` is how long a server may be away, as it is when its task is replaced: a job waits that long,
    a person wants to know at once. `lease_seconds` is how long the lock of a process that died stays taken on a server.
    """

    uri: str
    artifact_root: str | None = None
    connect_seconds: float = 5.0
    patience_seconds: float = 0.0
    lock_seconds: float = 150.0
    lease_seconds: float = 120.0

    @classmethod
    def embedded(cls, folder: Path) -> Tracking:
        """The default without a server: mlflow.db and artifacts/ in `folder`."""
        folder = folder.resolve()
        return cls(uri=f"{SQLITE}{folder / 'mlflow.db'}", artifact_root=(folder / "artifacts").as_uri())

    @property
    def database(self) -> Path | None:
        """The database file, when there is no server."""
        return Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None

    @contextmanager
    def session(self, *, locked: bool = False) -> Iterator[MlflowClient]:
        """A client whose failures are TrackingErrors, with MLflow's process-wide state restored afterwards.

        `locked`: for writes under a lock, which a call may not outlast, whatever patience there is.
        Raises UnreachableError when nothing answers at the address for as long as patience lasts.
        """
        with ExitStack() as stack:
            self._check_reachable()
            # Telemetry starts at import, so the settings come first.
            stack.enter_context(_environment(CLIENT_SETTINGS | self._retries()))
            if locked:
                stack.enter_context(_environment(UNDER_WAY, override=True))
            stack.enter_context(_quiet())
            import mlflow

            stack.enter_context(_environment({"MLFLOW_TRACKING_URI": self.uri}, override=True))
            stack.callback(mlflow.set_tracking_uri, None)  # type: ignore[arg-type]  # None: as before the first set
            mlflow.set_tracking_uri(self.uri)
            stack.enter_context(_failures(self.uri))
            yield mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _check_reachable(self) -> None:
        if self.database is not None:
            _check_database(self.database)
        elif urlsplit(self.uri).scheme in ("http", "https"):
            self._await_server()
        else:
            raise TrackingError(f"{self.uri!r} is neither sqlite:///PATH nor the http address of a tracking server")

    def _await_server(self) -> None:
        deadline, told = time.monotonic() + self.patience_seconds, False
        while True:
            try:
                _check_server(self.uri, self.connect_seconds)
            except UnreachableError as error:
                if time.monotonic() >= deadline:
                    raise
                if not told:
                    event("waiting", why=error, seconds=self.patience_seconds)
                    told = True
                time.sleep(LOOK_SECONDS)
            else:
                return

    def _retries(self) -> dict[str, str]:
        return {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(PATIENT_RETRIES if self.patience_seconds else RETRIES)}


def _check_database(path: Path) -> None:
    # MLflow retries a database that cannot be opened for a minute and a half.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise UnreachableError(f"the tracking database {path} cannot be opened: {error}") from error


def _check_server(uri: str, seconds: float) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=seconds):  # noqa: S310  # scheme is checked
            return
    except urllib.error.HTTPError as error:
        reason = f"/health answers {error.code}"
        error.close()
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
    raise UnreachableError(f"the tracking server {uri} does not answer: {reason}")


@contextmanager
def _environment(values: Mapping[str, str], *, override: bool = False) -> Iterator[None]:
    """Set what the user has not set, and take it back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if override or before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to MLflow's own warnings: migrations and what its libraries deprecate are no news for the user."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category, module=r"(alembic|mlflow|sqlalchemy)\b")
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")  # MLflow's own, at import
        import mlflow  # sets its logger's level at import

        logger = logging.getLogger(mlflow.__name__)
        level = logger.level
        logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _failures(uri: str) -> Iterator[None]:
    import requests
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, requests.RequestException, Boto3Error, BotoCoreError, ClientError) as error:
        message = re.sub(r"\s+", " ", str(error)).strip()
        raise TrackingError(f"{uri}: {message}") from error
