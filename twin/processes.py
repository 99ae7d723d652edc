"""Processes of a twin, each with a record in its folder: taking the twin down ends these and no others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL = 0.05
GRACE = 10.0
"""Seconds between the request to end and the end."""


@dataclass(frozen=True)
class Record:
    """A process that was started. The clock ticks of its birth tell it from a later one with the same id."""

    name: str
    pid: int
    born: int
    path: Path

    @property
    def runs(self) -> bool:
        return birth(self.pid) == self.born


def start(
    folder: Path,
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    log: Path | None = None,
    user: int | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """A process in a group of its own, that reads nothing and writes to its log (`logs/NAME.log` unless told).

    `environment` and the descriptors in `keep` are all that it gets. The caller waits for it; its record in
    `processes/NAME.json` goes with `end`.
    """
    log = log or folder / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else (),
            pass_fds=keep,
        )
    path = folder / "processes" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"name": name, "pid": process.pid, "born": birth(process.pid) or 0}), encoding="utf-8")
    # Whoever takes the twin down meanwhile must not take half a record for none.
    fresh.replace(path)
    return process


def find(folder: Path, name: str) -> Record | None:
    """The record of that name, if its process runs."""
    return next((record for record in running(folder) if record.name == name), None)


def running(folder: Path) -> Iterator[Record]:
    for path in sorted((folder / "processes").glob("*.json")):
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            record = Record(**json.loads(path.read_text(encoding="utf-8")), path=path)
            if record.runs:
                yield record


def end(record: Record, *, how: signal.Signals = signal.SIGTERM, grace: float = GRACE) -> None:
    """Ask the process to end, wait, then end it and whatever is left of its group."""
    if record.runs:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, how)
        _await_end(record, grace)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(record.pid, signal.SIGKILL)
        # What it still writes would keep its folder from being removed.
        _await_end(record, GRACE)
    record.path.unlink(missing_ok=True)


def _await_end(record: Record, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while record.runs and time.monotonic() < deadline:
        time.sleep(POLL)


def birth(pid: int) -> int | None:
    """When it was born, in clock ticks since the machine's start; None if it runs no more (a zombie does not)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])
