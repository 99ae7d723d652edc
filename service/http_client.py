"""A small HTTP client for the tracking server: the standard library, a bound on time, credentials for one host."""

from __future__ import annotations

import base64
import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HttpError(Exception):
    """No usable answer; `status` is 0 when there was none at all, `body` is the start of what was said."""

    def __init__(self, message: str, *, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class Http:
    """GET below one base URL. Credentials do not follow a redirect, which may lead to another host."""

    def __init__(self, base: str, *, timeout: float, username: str = "", password: str = "", token: str = "") -> None:
        self._base = base.rstrip("/")
        self._timeout = timeout
        self._authorization = ""
        if token:
            self._authorization = f"Bearer {token}"
        elif username:
            self._authorization = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    def read(self, path: str, *, limit: int = 4 * 1024 * 1024) -> bytes:
        """The whole answer. Raises HttpError, also for one longer than `limit` bytes."""
        with self._answer(path) as answer:
            content = answer.read(limit + 1)
            if len(content) <= limit:
                _refuse_short(answer)
        if len(content) > limit:
            raise HttpError(f"{path}: more than {limit} bytes")
        return content

    def save(self, path: str, into: Path) -> None:
        """Stream the answer to a file. Raises HttpError."""
        with self._answer(path) as answer, into.open("wb") as file:
            shutil.copyfileobj(answer, file, 1024 * 1024)
            _refuse_short(answer)

    @contextmanager
    def _answer(self, path: str) -> Iterator[http.client.HTTPResponse]:
        request = urllib.request.Request(f"{self._base}{path}")  # noqa: S310 - settings allow http and https only
        if self._authorization:
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                yield answer
        except urllib.error.HTTPError as error:
            with error:
                body = error.read(4096)
            raise HttpError(f"{self._base}{path}: {error.code} {error.reason}", status=error.code, body=body) from error
        except (OSError, http.client.HTTPException) as error:
            raise HttpError(f"{self._base}{path}: {error}") from error


def _refuse_short(answer: http.client.HTTPResponse) -> None:
    """http.client takes an answer that ends before its declared length for a whole one when read in parts."""
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
