"""A steady load on the service: a request every so often, whatever the one before does, and every answer counted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from twin.loop.world import World

SILENT = 0
"""The status of a request that nobody answered."""


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent, in seconds of the monotonic clock, its status, and who answered what."""

    sent: float
    status: int
    id: str
    body: Mapping[str, Any]


@dataclass
class Load:
    """What came of the requests so far."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != httpx.codes.OK]

    @property
    def versions(self) -> Counter[str]:
        good = (answer for answer in list(self.answers) if answer.status == httpx.codes.OK)
        return Counter(str(answer.body["model"]["version"]) for answer in good)

    def told(self) -> str:
        statuses = ", ".join(f"{count} x {status or 'no answer'}" for status, count in self._statuses().items())
        return f"{len(self.answers)} requests: {statuses or 'none'}"

    def _statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)


@contextmanager
def steady(world: World, *, each_second: float = 20.0) -> Iterator[Load]:
    """Ask for a prediction at that rate until the block ends; the last requests are waited for."""
    load, over, name, url, row = Load(), threading.Event(), uuid4().hex[:8], world.url, world.row
    with world.client(timeout=10.0) as client, ThreadPoolExecutor(max_workers=16) as pool:

        def ask(number: int) -> None:
            load.answers.append(_ask(client, url, row, f"{name}-{number}"))

        def send() -> None:
            began = time.monotonic()
            for number in range(1_000_000):
                if over.wait(max(0.0, began + number / each_second - time.monotonic())):
                    return
                pool.submit(ask, number)

        sender = threading.Thread(target=send, name="load", daemon=True)
        sender.start()
        try:
            yield load
        finally:
            over.set()
            sender.join()


def _ask(client: httpx.Client, url: str, row: Mapping[str, Any], name: str) -> Answer:
    sent = time.monotonic()
    try:
        response = client.post(f"{url}/predict", json=row, headers={"X-Request-Id": name})
        return Answer(sent, response.status_code, name, response.json() if response.is_success else {})
    except httpx.HTTPError as error:
        return Answer(sent, SILENT, name, {"error": repr(error)})
