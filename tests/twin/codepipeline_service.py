"""The twin's CodePipeline on a port of loopback, for tests that ask it by AWS's own client library."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from twin.codepipeline.api import Api
from twin.codepipeline.execution import advance, fail, succeed
from twin.codepipeline.server import CALLER, TOKEN, server
from twin.codepipeline.state import Moment, Run
from twin.codepipeline.store import Store

SECRET = "of this twin"
ME = "arn:aws:sts::000000000000:assumed-role/Somebody/session"


class Service:
    """The API on a port of loopback, without an engine: the test ends runs itself."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self._ids = 0

    @contextmanager
    def client(self, token: str = SECRET, by: str = ME) -> Iterator[Any]:
        """Of whoever shows that token, acting as that principal."""
        with server(Api(self.store, minute=2.0), port=0, token=SECRET) as http:
            threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
            yield _client(http.server_address[1], token, by)
            http.shutdown()

    def running(self) -> list[Run]:
        return [run for _, run in self.store.get("P").runs() if run.status == "InProgress"]

    def end(self, **variables: str) -> None:
        self._change(lambda state, run, at: succeed(state, run.id, at, summary="done", variables=variables))

    def fail(self) -> None:
        self._change(lambda state, run, at: fail(state, run.id, at, code="JobFailed", message="it broke"))

    def ask(self, token: str) -> None:
        """The open approval is known to whoever has the token."""
        with self.store.change("P") as state:
            next(run for _, run in state.runs() if run.status == "InProgress").token = token

    def _change(self, how: Any) -> None:
        with self.store.change("P") as state:
            at = Moment(time.time(), self._fresh)
            run = next(run for _, run in state.runs() if run.status == "InProgress")
            how(state, run, at)
            advance(state, at, scale=2.0)

    def _fresh(self) -> str:
        self._ids += 1
        return f"00000000-0000-0000-0000-{self._ids:012d}"


@cache
def _session() -> Any:
    """One, since each would read the service's model again."""
    return boto3.Session()


def _client(port: int, token: str, by: str) -> Any:
    client = _session().client(
        "codepipeline",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )

    def introduce(request: Any, **_: Any) -> None:
        request.headers[TOKEN] = token
        request.headers[CALLER] = by

    client.meta.events.register("before-send.codepipeline", introduce)
    return client
