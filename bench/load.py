"""A load generator: keep-alive connections that each send the next request when the last one is answered.

It runs as a process of its own, so that its work is never counted as the server's: a job comes in on standard input
and what was measured goes out on standard output, both as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, cast

from bench.errors import BenchError
from bench.processes import HOST, cpu_seconds, tree

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
DRAIN_SECONDS = 30.0


@dataclass(frozen=True)
class Job:
    """`requests` are whole HTTP/1.1 requests; `server` is the pid whose tree's CPU time is read."""

    port: int
    requests: tuple[bytes, ...]
    connections: int
    warmup_seconds: float
    seconds: float
    server: int


@dataclass(frozen=True)
class Measured:
    """What the window saw. `total` counts every answer, those before and after the window too."""

    answers: int
    total: int
    seconds: float
    server_cpu_seconds: float
    generator_cpu_seconds: float
    p50_seconds: float
    p99_seconds: float


class Run:
    """What the connections share."""

    def __init__(self, requests: tuple[bytes, ...]) -> None:
        self.requests: Iterator[bytes] = itertools.cycle(requests)
        self.latencies: list[float] = []
        self.stopping = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, reason: str) -> None:
        if not self.failed.done():
            self.failed.set_exception(BenchError(reason))

    async def wait(self, seconds: float) -> None:
        """Let the connections work. Raises BenchError as soon as one of them fails."""
        await asyncio.wait({self.failed}, timeout=seconds)
        if self.failed.done():
            self.failed.result()


class Connection(asyncio.Protocol):
    """One request at a time, of which the answer is read whole. Anything but a 200 fails the run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = b""
        self._began = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's own classes.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received = data = self._received + data if self._received else data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(data, 0, head + 2)
        if length is None or not data.startswith(b"HTTP/1.1 200 "):
            self._fail(f"answered {data[:300].decode('latin-1')!r}")
            return
        missing = head + 4 + int(length[1]) - len(data)
        if missing < 0:
            self._fail("sent more than one answer to one request")
        elif missing == 0:
            self._run.latencies.append(time.perf_counter() - self._began)
            self._received = b""
            self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._run.stopping:
            self._run.fail("closed a connection")
        self.closed.set_result(None)

    def abort(self) -> None:
        self._transport.abort()

    def _send(self) -> None:
        if self._run.stopping:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(next(self._run.requests))

    def _fail(self, reason: str) -> None:
        self._run.fail(reason)
        self._transport.close()


async def drive(job: Job) -> Measured:
    """Load the server, and measure a window after the warm-up. Raises BenchError at the first bad answer."""
    run, processes = Run(job.requests), tree(job.server)
    async with _connected(run, job) as connections:
        await run.wait(job.warmup_seconds)
        before, run.latencies = len(run.latencies), []
        server, own, began = cpu_seconds(processes), time.process_time(), time.perf_counter()
        await run.wait(job.seconds)
        seconds, window = time.perf_counter() - began, run.latencies
        server, own = cpu_seconds(processes) - server, time.process_time() - own
        run.latencies, run.stopping = [], True
        async with asyncio.timeout(DRAIN_SECONDS):
            await asyncio.gather(*(connection.closed for connection in connections))
        await run.wait(0.0)
    if not window:
        raise BenchError(f"gave no answer in {seconds:.1f} seconds")
    total = before + len(window) + len(run.latencies)
    window.sort()
    return Measured(
        answers=len(window),
        total=total,
        seconds=seconds,
        server_cpu_seconds=server,
        generator_cpu_seconds=own,
        p50_seconds=window[len(window) // 2],
        p99_seconds=window[len(window) * 99 // 100],
    )


@asynccontextmanager
async def _connected(run: Run, job: Job) -> AsyncIterator[list[Connection]]:
    """Connections that are at work, and closed when the block ends."""
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    try:
        for _ in range(job.connections):
            try:
                _, connection = await loop.create_connection(lambda: Connection(run), HOST, job.port)
            except OSError as error:
                raise BenchError(f"refused a connection: {error}") from error
            connections.append(connection)
        yield connections
    finally:
        run.stopping = True
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.closed for connection in connections))


def to_json(job: Job) -> str:
    return json.dumps(asdict(job) | {"requests": [request.decode("latin-1") for request in job.requests]})


def from_json(text: str) -> Job:
    fields: dict[str, Any] = json.loads(text)
    return Job(**fields | {"requests": tuple(request.encode("latin-1") for request in fields["requests"])})


def main() -> int:
    """The process: one job in, one JSON document out, with `error` in place of figures when the server failed."""
    factory = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    job = from_json(sys.stdin.read())
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            answer = asdict(runner.run(drive(job)))
    except (BenchError, TimeoutError) as error:
        answer = {"error": str(error) or "left a request without an answer"}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
