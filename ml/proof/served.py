"""The real service for one bundle, as a process on a free port of this machine, for as long as a block lasts."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import service
from ml.errors import UserError
from service.bundle import Bundle

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
CALL_SECONDS = 30.0
LOOK_SECONDS = 0.05
CANNOT_START = 2
"""The service's exit code when it says why it does not start."""


class ProofError(UserError):
    """The service could not be asked; the message ends with the last that it said."""


class RefusedBundleError(Exception):
    """The service does not load the bundle; the message is its own sentence."""


@dataclass(frozen=True)
class Served:
    """A service that is ready."""

    connection: http.client.HTTPConnection

    def post(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        """Status and document. Raises OSError, HTTPException, or ValueError for what is no JSON object."""
        try:
            status, content = self._post(path, body)
        except ConnectionError:
            # The service closes what was idle for seconds, as on a machine that is very busy.
            self.connection.close()
            status, content = self._post(path, body)
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError("the answer is no JSON object")
        return status, document

    def _post(self, path: str, body: object) -> tuple[int, bytes]:
        self.connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def serving(bundle: Bundle, *, seconds: float = START_SECONDS) -> Iterator[Served]:
    """`python -m service` with the bundle's folder: no registry, nothing captured. It is ended with the block.

    Raises RefusedBundleError, and ProofError when it does not start within so many seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "service.log"
        process = _start(bundle, log)
        try:
            port = _await_port(process, log, bundle, seconds)
            with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=CALL_SECONDS)) as connection:
                _require_ready(connection, bundle)
                yield Served(connection)
        finally:
            _end(process)


def _start(bundle: Bundle, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=Path(service.__path__[0]).parent,
            env=_environment(bundle),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )


def _environment(bundle: Bundle) -> dict[str, str]:
    """What this process was told about registries and capture is none of the service's business here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVERGREEN_", "MLFLOW_"))}
    given = {"EVERGREEN_BUNDLE": str(bundle.folder.resolve()), "EVERGREEN_HOST": LOOPBACK, "EVERGREEN_PORT": "0"}
    return kept | given


def _await_port(process: subprocess.Popen[bytes], log: Path, bundle: Bundle, seconds: float) -> int:
    """The port that the service took, which it tells when the model is loaded."""
    deadline = time.monotonic() + seconds
    while True:
        ended = process.poll() is not None
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        for line in said:
            if (port := _listening(line)) is not None:
                return port
        if ended or time.monotonic() > deadline:
            raise _failure(process.returncode, said, bundle)
        time.sleep(LOOK_SECONDS)


def _failure(code: int | None, said: Sequence[str], bundle: Bundle) -> Exception:
    place, last = f"{bundle.folder.resolve()}: ", said[-1] if said else "nothing"
    if code == CANNOT_START and (refusal := next((line for line in said if line.startswith(place)), "")):
        return RefusedBundleError(f"The service does not load the bundle: {refusal.removeprefix(place)}.")
    how = "did not start in time" if code is None else f"ended with code {code}"
    return ProofError(f"the service of the proof {how}; it said last: {last}")


def _listening(line: str) -> int | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    found = isinstance(event, dict) and event.get("event") == "listening"
    return int(event["port"]) if found else None


def _require_ready(connection: http.client.HTTPConnection, bundle: Bundle) -> None:
    """Another process may answer on a port, but not with this bundle's digest."""
    try:
        connection.request("GET", "/readyz")
        document = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ProofError(f"the service of the proof is not ready: {error}") from error
    if document.get("model", {}).get("digest") != bundle.digest:
        raise ProofError("the service of the proof has another model than the bundle's")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
