"""The service as a process: what it imports, how it starts, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from service.bundle import Bundle
from tests.service.conftest import ROW
from tests.service.running import eventually
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
IMPORTS = """
import asyncio, json, sys
from service.app import create_app
from service.settings import Settings

app = create_app(Settings(bundle=sys.argv[1]))

async def call(body):
    sent = []
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}
    async def send(message):
        sent.append(message)
    async with app.router.lifespan_context(app) as state:
        await app({"type": "http", "method": "POST", "path": "/predict", "headers": [], "state": dict(state),
                   "query_string": b"", "server": ("x", 1)}, receive, send)
    return sent[0]["status"]

status = asyncio.run(call(sys.argv[2].encode()))
print(json.dumps([status, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def environment(**added: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVERGREEN_", "MLFLOW_"))}
    return {**kept, **added}


def test_a_prediction_needs_none_of_the_training_libraries(insurance: Bundle) -> None:
    command = [sys.executable, "-c", IMPORTS, str(insurance.folder), json.dumps(ROW)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60, env=environment())
    status, modules = json.loads(done.stdout)
    assert status == 200
    assert not {"sklearn", "pandas", "mlflow", "scipy", "joblib", "boto3", "skops", "ml"} & set(modules)
    assert {"fastapi", "service"} <= set(modules)


@contextmanager
def service(log: Path, **added: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    port = free_port()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=ROOT,
            stderr=errors,
            env=environment(EVERGREEN_PORT=str(port), **added),
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield process, client
    finally:
        process.kill()
        process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_told_to_and_logs_one_json_object_a_line(
    insurance: Bundle, tmp_path: Path, how: signal.Signals
) -> None:
    log = tmp_path / "log"
    with service(log, EVERGREEN_BUNDLE=str(insurance.folder)) as (process, client):
        eventually(lambda: answers(client))
        assert client.post("/predict", json=ROW).status_code == 200
        process.send_signal(how)
        assert process.wait(timeout=15) == 0
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events == ["listening", "stopped"]


def refused(**added: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=environment(**added),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_a_taken_port_is_one_sentence(insurance: Bundle) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(EVERGREEN_BUNDLE=str(insurance.folder), EVERGREEN_PORT=port)
    assert port in said
    assert "choose another port" in said


def test_settings_and_bundles_that_make_no_sense_are_one_sentence(tmp_path: Path) -> None:
    assert "nothing to serve" in refused()
    assert "manifest.json" in refused(EVERGREEN_BUNDLE=str(tmp_path), EVERGREEN_PORT="0")
