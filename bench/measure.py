"""Every round starts each server anew, loads it, weighs it and ends it, so that slow drifts hit all of them alike."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import client, load
from bench.errors import BenchError
from bench.processes import Memory, Tree, cores, free_port, memory, pinned, running, tree
from bench.servers import Server, constant_server
from bench.trained import Trained

CHECKED_ROWS = 200
LOAD_TIMEOUT_SECONDS = 120.0
Step = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`seconds` is one measured window; each is preceded by a third of that as a warm-up."""

    rounds: int
    seconds: float
    connections: int


@dataclass(frozen=True)
class Sample:
    """One server in one round. `core_share` is the part of a core that it got while it was measured."""

    cpu_ms: float
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    start_seconds: float
    memory: Memory
    core_share: float
    generator_share: float


class Bench:
    """The benchmark of one trained problem. `step` is told what begins."""

    def __init__(self, trained: Trained, plan: Plan, step: Step = lambda _: None) -> None:
        self._trained = trained
        self._plan = plan
        self._step = step
        pair: tuple[int | None, int | None] = cores() or (None, None)
        self._server_core, self._load_core = pair

    def check(self, servers: Sequence[Server]) -> dict[str, float]:
        """The largest difference from scikit-learn by server. Raises RefusedError for a wrong one."""
        rows, expected = self._trained.rows[:CHECKED_ROWS], self._trained.expected[:CHECKED_ROWS]
        gaps = {}
        for server in servers:
            if server.output is not None:
                self._step(f"checking the answers of {server.title}")
                with self._started(server) as (port, _, _seconds):
                    tolerance = self._trained.problem.tolerance.parity
                    gaps[server.name] = client.check_answers(server, port, rows, expected, tolerance)
        return gaps

    def headroom(self) -> float:
        """The requests per second that the generator reaches against a server that does nothing."""
        self._step("measuring the load generator")
        server = constant_server()
        with self._started(server) as (port, process, _):
            measured = self._load(server, process, port)
        return measured.answers / measured.seconds

    def rounds(self, servers: Sequence[Server]) -> list[dict[str, Sample]]:
        """The samples of each round, by the server's name. Raises BenchError when a server fails."""
        found = []
        for number in range(1, self._plan.rounds + 1):
            samples = {}
            for server in servers:
                self._step(f"round {number} of {self._plan.rounds}: {server.title}")
                samples[server.name] = self._sample(server)
            found.append(samples)
        return found

    def _sample(self, server: Server) -> Sample:
        with self._started(server) as (port, process, start_seconds):
            measured = self._load(server, process, port)
            weight = memory(tree(process.process.pid))
        return Sample(
            cpu_ms=1000.0 * measured.server_cpu_seconds / measured.answers,
            requests_per_second=measured.answers / measured.seconds,
            p50_ms=1000.0 * measured.p50_seconds,
            p99_ms=1000.0 * measured.p99_seconds,
            start_seconds=start_seconds,
            memory=weight,
            core_share=measured.server_cpu_seconds / measured.seconds,
            generator_share=measured.generator_cpu_seconds / measured.seconds,
        )

    @contextmanager
    def _started(self, server: Server) -> Iterator[tuple[int, Tree, float]]:
        port = free_port()
        with self._run(server.command(port), dict(server.environment(port))) as process, pinned(self._load_core):
            yield port, process, client.seconds_to_first_answer(server, process, port, self._trained.rows[0])

    @contextmanager
    def _run(self, command: list[str], environment: dict[str, str]) -> Iterator[Tree]:
        with tempfile.TemporaryDirectory(prefix="evergreen-bench-") as folder, running(
            command,
            environment=environment,
            folder=self._trained.workspace.root,
            log=Path(folder) / "server.log",
            core=self._server_core,
        ) as process:  # fmt: skip
            yield process

    def _load(self, server: Server, process: Tree, port: int) -> load.Measured:
        job = load.Job(
            port=port,
            requests=tuple(server.request(row) for row in self._trained.rows),
            connections=self._plan.connections,
            warmup_seconds=self._plan.seconds / 3.0,
            seconds=self._plan.seconds,
            server=process.process.pid,
        )
        try:
            return generate(job, self._trained.workspace.root, self._load_core)
        except BenchError as error:
            raise BenchError(f"{server.title} {error}: {process.last_words()}") from error


def generate(job: load.Job, folder: Path, core: int | None) -> load.Measured:
    """Run the load generator as a process of its own. Raises BenchError with what the server did wrong."""
    with pinned(core):
        done = subprocess.run(
            [sys.executable, "-m", "bench.load"],
            input=load.to_json(job),
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=job.warmup_seconds + job.seconds + LOAD_TIMEOUT_SECONDS,
            check=False,
            start_new_session=True,
        )
    if done.returncode:
        raise BenchError(f"could not be loaded: {' '.join(done.stderr.split())[-600:]}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise BenchError(answer["error"])
    return load.Measured(**answer)
