"""Start a server on a free loopback port, wait until it answers, and end it with everything it started."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
START_SECONDS = 90.0
STOP_SECONDS = 10.0


class ServerError(Exception):
    """A server did not come up; the message ends with its log."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(
    command: Callable[[int], Sequence[str | Path]],
    ready: Callable[[int], bool],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
    user: str | None = None,
) -> Iterator[int]:
    """Run a server until the block ends; the port is tried again when another process was faster to take it."""
    log = folder / "server.log"
    for attempt in range(3):
        port = free_port()
        process = _start(command(port), log, environment or {}, folder, user)
        try:
            if _await_ready(process, ready, port):
                yield port
                return
        finally:
            _stop(process, stop)
        if attempt == 2 or "in use" not in log.read_text(errors="replace"):
            break
    raise ServerError(f"{command(port)[0]} did not come up:\n{log.read_text(errors='replace')[-4000:]}")


def _start(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str], folder: Path, user: str | None
) -> subprocess.Popen[bytes]:
    # A group of its own, so that a server's children end with it. The home keeps a developer's AWS files out.
    basis = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    with log.open("wb") as output:
        return subprocess.Popen(
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**basis, **environment},
            start_new_session=True,
            **_identity(user),
        )


def wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    """Poll until the condition holds. Raises TimeoutError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {seconds:g} seconds")
        time.sleep(0.05)


def _await_ready(process: subprocess.Popen[bytes], ready: Callable[[int], bool], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if ready(port):
            return process.poll() is None
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    # Signalled once each: to the server, and last to whatever is left of its group.
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def accepts(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder whose parents another user may enter, which is not so for pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="evergreen-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _identity(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()}


def run(command: Sequence[str | Path], user: str | None) -> str:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [os.fspath(word) for word in command],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
        env=environment,
        timeout=START_SECONDS,
        **_identity(user),
    )
    return done.stdout
