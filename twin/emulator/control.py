"""The emulator's own interface, `/_twin/`, for the processes of its twin and no one else."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from twin.folder import TwinError

PREFIX = "/_twin"
Document = dict[str, Any]
Handler = Callable[[Document], Any]
"""From what was asked (the JSON body, or the query of a request without one) to what JSON can hold."""
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Document]]
Send = Callable[[Document], Awaitable[None]]

log = logging.getLogger(__name__)
_routes: dict[tuple[str, str], Handler] = {}
_endings: list[Callable[[], object]] = []


class RefusedError(TwinError):
    """An answer other than 200; its document is the message under `error`, and what else is given."""

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"error": message, **details}


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Let a function answer METHOD /_twin/PATH; it runs on a thread, so it may wait and may call the emulator."""

    def register(handler: Handler) -> Handler:
        _routes[method, path] = handler
        return handler

    return register


def at_end(ending: Callable[[], object]) -> None:
    """Have it called when the emulator ends, for what it started; the last first. It must not wait for long."""
    _endings.append(ending)


def end() -> None:
    while _endings:
        try:
            _endings.pop()()
        except Exception:
            log.exception("could not end properly")


def needed(document: Document, *names: str) -> list[Any]:
    """Those values of the document. Raises RefusedError (400) that says which are not there."""
    absent = [name for name in names if document.get(name) in (None, "")]
    if absent:
        raise RefusedError(400, f"not given: {', '.join(absent)}")
    return [document[name] for name in names]


@route("GET", "/health")
def health(_: Document) -> Document:
    return {"status": "ready"}


def answer(method: str, path: str, query: str, body: bytes, *, shown: str, token: str) -> tuple[int, Any]:
    """Status and document; whoever does not show the token learns nothing else."""
    try:
        if not hmac.compare_digest(shown.encode(), token.encode()):
            raise RefusedError(403, "the header X-Twin-Token is not this twin's")
        handler = _routes.get((method, path.removeprefix(PREFIX)))
        if handler is None:
            raise RefusedError(404, f"nothing answers {method} {path}")
        return 200, handler(_document(query, body))
    except RefusedError as refused:
        return refused.status, refused.document
    except TwinError as error:
        return 409, {"error": str(error)}
    except Exception as error:
        log.exception("%s %s failed", method, path)
        return 500, {"error": f"{type(error).__name__}: {error}; the emulator's log has the lines"}


def _document(query: str, body: bytes) -> Document:
    if not body:
        return dict(parse_qsl(query))
    try:
        document = json.loads(body)
    except ValueError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise RefusedError(400, "the body is not a JSON object")
    return document


async def serve(scope: Scope, receive: Receive, send: Send, token: str) -> None:
    """Answer one HTTP request of ASGI."""
    headers = dict(scope["headers"])
    shown = headers.get(b"x-twin-token", b"").decode("latin-1")
    body = await whole(receive)
    status, document = await asyncio.to_thread(
        answer, scope["method"], scope["path"], scope["query_string"].decode(), body, shown=shown, token=token
    )
    await reply(send, status, "application/json", json.dumps(document, default=str).encode())


async def whole(receive: Receive) -> bytes:
    """The body of a request, or what came of it before the caller left."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def reply(send: Send, status: int, kind: str, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", kind.encode()), length, *headers]})
    await send({"type": "http.response.body", "body": body})
