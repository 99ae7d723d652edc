from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from service.http_client import Http, HttpError


class Handler(BaseHTTPRequestHandler):
    """Remembers the credentials of each call; /away leads to `elsewhere`."""

    seen: list[str | None]
    elsewhere = ""

    def do_GET(self) -> None:
        self.seen.append(self.headers["Authorization"])
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
        else:
            self.send_response(200 if self.path == "/here" else 404)
        self.end_headers()
        self.wfile.write(b"content")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it overrides
        """Quiet."""


@contextmanager
def server(elsewhere: str = "") -> Iterator[tuple[str, list[str | None]]]:
    seen: list[str | None] = []
    handler = type("Own", (Handler,), {"seen": seen, "elsewhere": elsewhere})
    with HTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}", seen
        finally:
            listening.shutdown()
            thread.join()


def test_credentials_are_sent_and_do_not_follow_a_redirect() -> None:
    with server() as (other, seen_there), server(f"{other}/here") as (base, seen_here):
        assert Http(base, timeout=5, username="user", password="word").read("/away") == b"content"
        assert Http(base, timeout=5, token="t0ken").read("/here") == b"content"
    assert seen_here == ["Basic dXNlcjp3b3Jk", "Bearer t0ken"]
    assert seen_there == [None]


def test_what_goes_wrong_is_one_kind_of_error(tmp_path: Path) -> None:
    with server() as (base, _):
        http = Http(base, timeout=5)
        with pytest.raises(HttpError) as caught:
            http.read("/missing")
        assert caught.value.status == 404
        with pytest.raises(HttpError, match="more than 3 bytes"):
            http.read("/here", limit=3)
        with pytest.raises(HttpError):
            http.save("/short", tmp_path / "file")
    with pytest.raises(HttpError) as caught:
        http.read("/here")
    assert caught.value.status == 0
