"""The service on a real port, and the MLflow tables that it follows."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from service.app import create_app
from service.bundle import Bundle
from service.loaded import Load
from service.predictor import load_predictor
from service.server import StartError, listen
from service.settings import Settings

TABLES = """
CREATE TABLE registered_models (name TEXT, workspace TEXT DEFAULT 'default', PRIMARY KEY (workspace, name));
CREATE TABLE registered_model_aliases (alias TEXT, version INTEGER, name TEXT, workspace TEXT DEFAULT 'default',
    PRIMARY KEY (workspace, name, alias));
CREATE TABLE model_version_tags (key TEXT, value TEXT, name TEXT, version INTEGER, workspace TEXT DEFAULT 'default',
    PRIMARY KEY (workspace, key, name, version));
"""


class RegistryFile:
    """The part of MLflow's sqlite store that the service reads; the contract tests hold it against MLflow's own."""

    def __init__(self, path: Path, model: str = "toy") -> None:
        self.path = path
        self.model = model
        with self._connection() as connection:
            connection.executescript(TABLES)

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.path}"

    def register(self, version: int, bundle: Bundle, *, digest: str = "") -> None:
        tags = {"evergreen.bundle_digest": digest or bundle.digest, "evergreen.bundle_uri": str(bundle.folder)}
        with self._connection() as connection:
            connection.execute("INSERT OR IGNORE INTO registered_models (name) VALUES (?)", (self.model,))
            for key, value in tags.items():
                row = (key, value, self.model, version)
                connection.execute("INSERT INTO model_version_tags (key, value, name, version) VALUES (?,?,?,?)", row)

    def release(self, version: int) -> None:
        with self._connection() as connection:
            row = ("champion", version, self.model)
            connection.execute(
                "INSERT OR REPLACE INTO registered_model_aliases (alias, version, name) VALUES (?,?,?)", row
            )

    def withdraw(self) -> None:
        with self._connection() as connection:
            connection.execute("DELETE FROM registered_model_aliases")

    @contextmanager
    def away(self) -> Iterator[None]:
        hidden = self.path.with_suffix(".away")
        self.path.rename(hidden)
        try:
            yield
        finally:
            hidden.rename(self.path)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                yield connection
        finally:
            connection.close()


@contextmanager
def running(settings: Settings, *, load: Load = load_predictor) -> Iterator[httpx.Client]:
    """A client of the service, which runs under uvicorn in a thread of this process."""
    with listen("127.0.0.1", 0) as listener:
        app = create_app(settings, load=load)
        server = uvicorn.Server(uvicorn.Config(app, http="httptools", log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            eventually(lambda: server.started or not thread.is_alive())
            if not server.started:
                raise StartError("the service did not start")
            port = listener.getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(timeout=20.0)
            assert not thread.is_alive()


def eventually(holds: Callable[[], Any], *, seconds: float = 20.0) -> None:
    """Wait until something holds. Raises AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def metric(client: httpx.Client, sample: str) -> float | None:
    """The value of one sample of /metrics, named with its labels."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(sample + " "):
            return float(line.rsplit(" ", 1)[1])
    return None
