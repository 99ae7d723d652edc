from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ml.io.registry import Registry
from ml.io.tracking import Tracking, TrackingError, UnreachableError
from tests.support.processes import free_port

pytestmark = pytest.mark.xdist_group("mlflow-embedded")


class Healthy(BaseHTTPRequestHandler):
    """Answers everything with 200 and nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_is_not_there_is_reported_at_once() -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    start = time.monotonic()
    with pytest.raises(UnreachableError, match=f"the tracking server {uri} does not answer: .*refused"):
        Registry(Tracking(uri), "any").versions()
    assert time.monotonic() - start < 5


def test_a_job_waits_for_a_server_that_is_away_for_a_while() -> None:
    port, server = free_port(), []

    def come_back() -> None:
        server.append(HTTPServer(("127.0.0.1", port), Healthy))
        server[0].handle_request()

    back = threading.Timer(1.5, come_back)
    back.start()
    try:
        Tracking(f"http://127.0.0.1:{port}", patience_seconds=30)._check_reachable()
    finally:
        back.join(timeout=30)
        server[0].server_close()


def test_a_job_gives_up_when_its_patience_is_over() -> None:
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="does not answer"):
        Registry(Tracking(f"http://127.0.0.1:{free_port()}", patience_seconds=1.5), "any").versions()
    assert time.monotonic() - start >= 1.5


def test_a_server_that_hangs_is_given_up_within_the_bound(silent_server: str) -> None:
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="does not answer: timed out"):
        Registry(Tracking(silent_server, connect_seconds=0.3), "any").versions()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("uri", ["postgresql://somewhere/db", "mlflow.db", ""])
def test_an_address_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(TrackingError, match="neither sqlite:///PATH nor the http address"):
        Registry(Tracking(uri), "any").versions()


def test_a_damaged_database_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(UnreachableError, match=r"mlflow\.db cannot be opened: file is not a database"):
        Registry(Tracking.embedded(tmp_path), "any").versions()


def test_failures_in_a_session_become_one_sentence(embedded: Tracking) -> None:
    with pytest.raises(TrackingError, match=r"^sqlite:.*not found$") as caught, embedded.session() as client:
        client.get_registered_model("nothing")
    assert "\n" not in str(caught.value)


def test_a_session_leaves_the_process_as_it_was(embedded: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://of-the-user.invalid")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    before = dict(os.environ)
    with embedded.session():
        import mlflow

        assert mlflow.get_tracking_uri() == embedded.uri
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
    assert dict(os.environ) == before
    assert mlflow.get_tracking_uri() == "http://of-the-user.invalid"


def test_the_first_use_makes_the_database_and_says_nothing(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from ml.io.tracking import Tracking; from ml.io.registry import Registry;"
        "Registry(Tracking.embedded(pathlib.Path(sys.argv[1])), 'any').versions()"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "new var")],
        cwd=root, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "new var" / "mlflow.db").is_file()
