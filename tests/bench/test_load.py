"""The load generator against a server that counts for itself."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.errors import BenchError
from bench.load import Job, Measured, drive, from_json, to_json
from bench.processes import HOST

REQUESTS = tuple(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n%d" % number for number in range(7))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


@asynccontextmanager
async def counting(*answers: bytes) -> AsyncIterator[tuple[int, Counter[bytes]]]:
    """A server that gives these answers in turn, in two pieces each, and counts the requests by content."""
    seen: Counter[bytes] = Counter()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                seen[await reader.readexactly(1)] += 1
                answer = answers[(seen.total() - 1) % len(answers)]
                writer.write(answer[:30])
                await asyncio.sleep(0)
                writer.write(answer[30:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0.001)


def load(*answers: bytes, warmup: float = 0.05, connections: int = 5) -> tuple[Measured, Counter[bytes]]:
    async def run() -> tuple[Measured, Counter[bytes]]:
        async with counting(*answers) as (port, seen):
            job = Job(port, REQUESTS, connections, warmup_seconds=warmup, seconds=0.2, server=os.getpid())
            return await drive(job), seen

    return asyncio.run(run())


def test_every_answer_is_counted_once_and_every_row_is_sent() -> None:
    measured, seen = load(OK)
    assert measured.total == seen.total()
    assert 0 < measured.answers < measured.total
    assert len(seen) == len(REQUESTS)
    assert max(seen.values()) - min(seen.values()) <= 1


def test_one_connection_has_one_request_under_way() -> None:
    measured, _ = load(OK, connections=1)
    assert 0.0 < measured.p50_seconds <= measured.p99_seconds
    assert measured.answers / 2 * measured.p50_seconds <= measured.seconds < 2.0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "answered 'HTTP/1.1 503"),
        (OK + b"HTTP/1.1 200", "more than one answer"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "transfer-encoding"),
    ],
)
def test_one_bad_answer_among_many_ends_the_run(answer: bytes, reason: str) -> None:
    with pytest.raises(BenchError, match=reason):
        load(OK, OK, OK, OK, answer)


def test_a_server_that_is_away_is_an_error() -> None:
    async def run() -> Measured:
        async with counting(OK) as (port, _):
            pass
        return await drive(Job(port, REQUESTS, 1, 0.0, 0.1, os.getpid()))

    with pytest.raises(BenchError, match="refused a connection"):
        asyncio.run(run())


def test_a_job_survives_the_way_to_the_generator() -> None:
    job = Job(1, (b"\x00\xff", "é".encode()), 2, 0.5, 1.5, 3)
    assert from_json(to_json(job)) == job
