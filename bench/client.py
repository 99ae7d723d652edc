"""Ask a server plainly, one row after the other: when it first answers, and whether its answers are right."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from bench.errors import BenchError, RefusedError
from bench.processes import HOST, Tree
from bench.servers import Row, Server
from service.predictor import Vector, largest_difference

START_SECONDS = 120.0
ANSWER_SECONDS = 30.0
HEADERS = {"content-type": "application/json"}


def seconds_to_first_answer(server: Server, tree: Tree, port: int, row: Row) -> float:
    """From the start of the process to the first 200. Raises BenchError when that does not come."""
    while time.monotonic() < tree.began + START_SECONDS:
        try:
            with closing(http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)) as connection:
                status, content = _ask(connection, server, row)
        except (OSError, http.client.HTTPException):
            status, content = 0, b""
        if status == 200:
            return time.monotonic() - tree.began
        if not tree.alive():
            raise BenchError(f"{server.title} ended before its first answer: {tree.last_words()}")
        if 400 <= status < 500:
            raise BenchError(f"{server.title} answers {status} to a valid row: {content[:300].decode('latin-1')}")
        time.sleep(0.002)
    raise BenchError(f"{server.title} gave no answer in {START_SECONDS:.0f} seconds: {tree.last_words()}")


def check_answers(server: Server, port: int, rows: Sequence[Row], expected: Vector, tolerance: float) -> float:
    """The largest difference from what scikit-learn says. Raises RefusedError above the tolerance."""
    assert server.output is not None
    outputs = []
    try:
        with closing(http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)) as connection:
            for row in rows:
                status, content = _ask(connection, server, row)
                if status != 200:
                    raise RefusedError(f"{server.title} answers {status} to {json.dumps(row)}; nothing was timed")
                outputs.append(server.output(json.loads(content)))
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise RefusedError(f"{server.title} gives no readable answer ({error!r}); nothing was timed") from error
    gap = largest_difference(np.asarray(outputs), expected)
    if not gap <= tolerance:
        raise RefusedError(
            f"{server.title} differs from scikit-learn by {gap:.3g} on {len(rows)} rows, allowed {tolerance:g}; "
            "nothing was timed"
        )
    return gap


def _ask(connection: http.client.HTTPConnection, server: Server, row: Row) -> tuple[int, bytes]:
    connection.request("POST", server.path, body=server.content(row), headers=HEADERS)
    response = connection.getresponse()
    return response.status, response.read()
