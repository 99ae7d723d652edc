"""Around every request: an id, a count, a duration, and an answer in place of a stack trace."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.events import log_event
from service.metrics import Metrics

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_GONE = 499
"""nginx's status for a caller that left; it is counted and never sent."""
logger = logging.getLogger(__name__)


class Observe:
    """Pure ASGI. `routes` are the paths with a label of their own; every other path is counted as `other`."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"], state["began"] = request_id, began
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except ClientDisconnect:
            status = _CLIENT_GONE
        except Exception as error:
            self._metrics.errors.labels("internal").inc()
            log_event(
                logger, logging.ERROR, "request_failed", traceback=error, path=scope["path"], request_id=request_id
            )
            if status:
                raise
            await _send_failure(send_named)
        finally:
            path, method = scope["path"], scope["method"]
            route = path if path in self._routes else "other"
            self._metrics.observe(
                route, method if method in _METHODS else "other", status or 500, time.perf_counter() - began
            )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return uuid4().hex


async def _send_failure(send: Send) -> None:
    body = b'{"detail":"Internal Server Error"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
