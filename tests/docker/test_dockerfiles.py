"""What every Dockerfile keeps to, and the health check that two of them share."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ops.image_inputs import IMAGES, Image, entries
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
EVERY = pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)


def instructions(image: Image) -> list[str]:
    """The instructions, one a line, without comments."""
    lines = (ROOT / image.dockerfile).read_text().splitlines()
    return re.sub(r"\\\n\s*", "", "\n".join(line for line in lines if not line.startswith("#"))).splitlines()


@EVERY
def test_every_file_that_is_copied_is_an_input_of_the_image(image: Image) -> None:
    names = [entry.name for entry in entries(image)]
    for line in instructions(image):
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert any(source == "." or name.startswith(source) for name in names), source


@EVERY
def test_what_is_installed_is_locked_by_hash(image: Image) -> None:
    installs = [line for line in instructions(image) if "install --no-cache-dir" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)


@EVERY
def test_a_build_needs_no_frontend_from_a_registry(image: Image) -> None:
    text = (ROOT / image.dockerfile).read_text()
    assert "syntax=" not in text
    assert "--link" not in text
    assert "<<" not in text


@pytest.mark.parametrize("name", ["service", "mlflow"])
def test_a_server_has_a_user_a_folder_to_write_a_health_check_and_no_tools_of_its_build(name: str) -> None:
    lines = instructions(IMAGES[name])
    last = lines[[index for index, line in enumerate(lines) if line.startswith("FROM")][-1] :]
    assert "USER 10001:10001" in last
    assert 'VOLUME ["/tmp"]' in last
    assert any(line.startswith("HEALTHCHECK") and "/opt/healthy.py" in line for line in last)
    assert not any(line.startswith("RUN") for line in last)


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def healthy(port: int, path: str = "/livez") -> bool:
    command = [sys.executable, "-I", "-S", "docker/healthy.py", str(port), path]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_a_server_is_healthy_while_it_answers_200() -> None:
    with answering(200) as port:
        assert healthy(port)
        assert not healthy(port, "/elsewhere")
    with answering(503) as port:
        assert not healthy(port)
    assert not healthy(free_port())
