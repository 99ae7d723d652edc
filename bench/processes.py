"""Start a server with everything it starts, weigh it, and end all of it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.errors import BenchError

HOST = "127.0.0.1"
STOP_SECONDS = 10.0
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process tree: the sum of resident sets, and of proportional ones where the system tells them."""

    rss: float
    pss: float | None


@dataclass(frozen=True)
class Tree:
    """A process that leads a session of its own, and all that it started. `began` is on the monotonic clock."""

    process: subprocess.Popen[bytes]
    began: float
    log: Path

    def alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """The end of what the processes wrote, on one line."""
        return " ".join(self.log.read_text(errors="replace").split())[-600:]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path, core: int | None
) -> Iterator[Tree]:
    """Run a command until the block ends, then end its whole tree, however the block ends."""
    with log.open("wb") as output, pinned(core):
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        yield Tree(process, began, log)
    finally:
        end(process)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Bind this thread, and what it starts inside the block, to one core; None leaves it alone."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cores() -> tuple[int, int] | None:
    """One core for the servers and another for the load, or None where they cannot be told apart."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    found = sorted(os.sched_getaffinity(0))
    return (found[-1], found[0]) if len(found) > 1 else None


def tree(pid: int) -> list[psutil.Process]:
    """A process, its descendants, and whoever was left behind in its group by a parent that ended."""
    found: dict[int, psutil.Process] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        found = {process.pid: process for process in (root, *root.children(recursive=True))}
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if process.pid not in found and os.getpgid(process.pid) == pid:
                found[process.pid] = process
    return list(found.values())


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """User and system seconds so far. Raises BenchError when one of the processes has ended."""
    try:
        times = [process.cpu_times() for process in processes]
    except psutil.NoSuchProcess as error:
        raise BenchError(f"a process of the server ended while it was being measured: {error}") from error
    return float(sum(spent.user + spent.system for spent in times))


def memory(processes: Iterable[psutil.Process]) -> Memory:
    """Raises BenchError when one of the processes has ended."""
    processes = list(processes)
    try:
        rss = sum(process.memory_info().rss for process in processes)
        full = [process.memory_full_info() for process in processes]
    except psutil.NoSuchProcess as error:
        raise BenchError(f"a process of the server ended while it was being measured: {error}") from error
    known = all(hasattr(info, "pss") for info in full)
    return Memory(rss / MEGABYTE, sum(info.pss for info in full) / MEGABYTE if known else None)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the leader to stop, then kill whatever of its tree is still there."""
    members = tree(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    # The leader's reaped pid may belong to a stranger by now; psutil compares start times before it kills.
    left = {member.pid: member for member in (*members, *tree(process.pid))}
    for member in left.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs([member for member in left.values() if member.pid != process.pid], timeout=STOP_SECONDS)
