"""One listener as an ASGI application: which rule, which target, and what is said when there is none."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from twin.balancer.board import Board
from twin.balancer.table import Listener, Rule
from twin.balancer.upstream import Response, UpstreamError

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)
"""Headers between two neighbours, which are not passed on."""
SERVER = b"awselb/2.0"
OWN_WORD = {HTTPStatus.SERVICE_UNAVAILABLE: "Service Temporarily Unavailable"}


class Proxy:
    """Of the listener at that place; its rules are looked up for each request, as they change under it."""

    def __init__(self, board: Board, place: tuple[str, int, bool]) -> None:
        self._board = board
        self._place = place

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body = await _whole(receive)
        listener = self._board.listener(self._place)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        rule = listener.rule(scope["path"], headers) if listener else None
        if listener is None or rule is None:
            await _own(send, HTTPStatus.SERVICE_UNAVAILABLE)
        elif rule.fixed is not None or rule.redirect is not None:
            await _answer(send, _fixed(rule, listener, scope, headers))
        else:
            await self._forward(listener, rule, scope, body, send)

    async def _forward(self, listener: Listener, rule: Rule, scope: Message, body: bytes, send: Send) -> None:
        board = self._board
        group = rule.group(random.random())  # noqa: S311  # a share of traffic is no secret
        target = board.target(group) if group else None
        if group is None or target is None:
            board.counters.refused(listener.balancer, HTTPStatus.SERVICE_UNAVAILABLE, None)
            await _own(send, HTTPStatus.SERVICE_UNAVAILABLE)
            return
        board.busy[target] += 1
        began = time.monotonic()
        try:
            request = head(scope, listener, len(body)) + body
            response = await board.pool.request(target, request, bodiless=scope["method"] == "HEAD")
        except UpstreamError as error:
            status = HTTPStatus.GATEWAY_TIMEOUT if error.late else HTTPStatus.BAD_GATEWAY
            board.counters.refused(listener.balancer, status, group)
            await _own(send, status)
            return
        finally:
            board.busy[target] -= 1
        seconds = time.monotonic() - began
        board.counters.answered(listener.balancer, group, response.status, seconds, healthy=board.healthy(group))
        await _answer(send, response)


def head(scope: Message, listener: Listener, length: int) -> bytes:
    """The request line and headers that a target gets: its client's, with what a balancer adds."""
    query = scope["query_string"]
    path = scope["raw_path"] + (b"?" + query if query else b"")
    lines = [scope["method"].encode() + b" " + path + b" HTTP/1.1"]
    forwarded: list[bytes] = []
    trace = b"Root=1-" + f"{int(time.time()):08x}-{uuid.uuid4().hex[:24]}".encode()
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            forwarded.append(value)
        elif name == b"x-amzn-trace-id":
            trace = value
        elif name not in HOP and name not in {b"content-length", b"expect", *_OWN}:
            lines.append(name + b": " + value)
    client = scope["client"][0].encode() if scope.get("client") else b""
    lines += [
        b"x-forwarded-for: " + b", ".join([*forwarded, client]),
        b"x-forwarded-proto: " + (b"https" if listener.secure else b"http"),
        b"x-forwarded-port: " + str(listener.port).encode(),
        b"x-amzn-trace-id: " + trace,
    ]
    if length or scope["method"] in {"POST", "PUT", "PATCH"}:
        lines.append(b"content-length: " + str(length).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n"


_OWN = (b"x-forwarded-proto", b"x-forwarded-port")


def _fixed(rule: Rule, listener: Listener, scope: Message, headers: Mapping[str, str]) -> Response:
    if rule.fixed is not None:
        told = rule.fixed
        kind = str(told.get("type") or "text/plain").encode()
        return Response(int(told["status"]), [(b"content-type", kind)], bytearray(str(told["body"]).encode()))
    told = rule.redirect or {}
    here = {
        "#{protocol}": "https" if listener.secure else "http",
        "#{host}": headers.get("host", "").partition(":")[0],
        "#{port}": str(listener.port),
        "#{path}": scope["path"].lstrip("/"),
        "#{query}": scope["query_string"].decode("latin-1"),
    }
    parts = {
        name: _filled(str(told.get(name.capitalize()) or usual), here)
        for name, usual in (
            ("protocol", "#{protocol}"), ("host", "#{host}"), ("port", "#{port}"),
            ("path", "/#{path}"), ("query", "#{query}"),
        )
    }  # fmt: skip
    query = f"?{parts['query']}" if parts["query"] else ""
    place = f"{parts['protocol'].lower()}://{parts['host']}:{parts['port']}{parts['path']}{query}"
    status = HTTPStatus.MOVED_PERMANENTLY if told.get("StatusCode") == "HTTP_301" else HTTPStatus.FOUND
    return Response(status, [(b"location", place.encode("latin-1"))])


def _filled(text: str, here: Mapping[str, str]) -> str:
    for name, value in here.items():
        text = text.replace(name, value)
    return text


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _own(send: Send, status: HTTPStatus) -> None:
    """What the balancer says by itself; by its Server header it is known."""
    word = f"{status} {OWN_WORD.get(status, status.phrase)}"
    page = f"<html><head><title>{word}</title></head><body><center><h1>{word}</h1></center></body></html>\r\n"
    headers = [(b"server", SERVER), (b"date", formatdate(usegmt=True).encode()), (b"content-type", b"text/html")]
    await _answer(send, Response(status, headers, bytearray(page.encode())))


async def _answer(send: Send, response: Response) -> None:
    headers = [(name, value) for name, value in response.headers if name not in HOP]
    if not any(name == b"content-length" for name, _ in headers) and response.status not in {204, 304}:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": int(response.status), "headers": headers})
    await send({"type": "http.response.body", "body": bytes(response.body)})
