"""HTTP/1.1 to a target, over connections that are kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import httptools

from twin.balancer.table import Target

Headers = Sequence[tuple[bytes, bytes]]
CONNECT = 10.0
IDLE = 60.0
"""What an Application Load Balancer gives a target to accept, and to go on with its answer, in seconds."""
KEPT = 32
"""Idle connections to one target."""


class UpstreamError(Exception):
    """The target gave no whole answer. `late`: it took too long; `began`: a part of the answer came."""

    def __init__(self, message: str, *, late: bool = False, began: bool = False) -> None:
        super().__init__(message)
        self.late = late
        self.began = began


@dataclass
class Response:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """One exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._response = Response()
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = False
        self._began = False
        self.reusable = False
        self.used = False

    async def exchange(self, request: bytes, *, bodiless: bool) -> Response:
        """`bodiless`: of a HEAD request, whose answer has a length and no body. Raises UpstreamError."""
        self._response, self._began, self._bodiless = Response(), False, bodiless
        self._parser = httptools.HttpResponseParser(self)
        if self._transport is None or self._transport.is_closing():
            raise UpstreamError("the connection was closed")
        self._waiter = asyncio.get_running_loop().create_future()
        self.reusable = False
        self._transport.write(request)
        try:
            return await asyncio.wait_for(self._waiter, IDLE)
        except TimeoutError:
            raise UpstreamError("no answer in time", late=True, began=self._began) from None
        finally:
            self.used = True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports by what they do, not by their class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._began = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"no HTTP: {error}")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if self._response.status and not self._measured():
            self._finish()
        self._fail(f"the connection was closed: {exc or 'by the target'}")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._response.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._response.status = self._parser.get_status_code()
        if self._bodiless:
            self._finish()
            self.close()

    def on_body(self, body: bytes) -> None:
        self._response.body += body

    def on_message_complete(self) -> None:
        if 100 <= self._response.status < 200:
            self._response = Response()
            return
        self.reusable = self._parser.should_keep_alive()
        self._finish()

    def _measured(self) -> bool:
        """Whether the answer says where it ends; else the end of the connection does."""
        return any(name in {b"content-length", b"transfer-encoding"} for name, _ in self._response.headers)

    def _finish(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._response)

    def _fail(self, why: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(UpstreamError(why, began=self._began))


class Pool:
    """Connections to all targets."""

    def __init__(self) -> None:
        self._idle: dict[Target, deque[Connection]] = defaultdict(deque)

    async def request(self, target: Target, request: bytes, *, bodiless: bool = False) -> Response:
        """A target may close a kept connection at the moment that it is used again: then a fresh one is tried, once.

        Raises UpstreamError.
        """
        if kept := self._kept(target):
            try:
                return await self._on(kept, target, request, bodiless)
            except UpstreamError as error:
                if error.began or error.late:
                    raise
        return await self._on(await connect(target), target, request, bodiless)

    def forget(self, target: Target) -> None:
        """Close what is kept to a target that left."""
        for connection in self._idle.pop(target, ()):
            connection.close()

    def close(self) -> None:
        for target in list(self._idle):
            self.forget(target)

    def _kept(self, target: Target) -> Connection | None:
        idle = self._idle[target]
        while idle:
            connection = idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _on(self, connection: Connection, target: Target, request: bytes, bodiless: bool) -> Response:
        try:
            response = await connection.exchange(request, bodiless=bodiless)
        except BaseException:
            connection.close()
            raise
        idle = self._idle[target]
        if connection.reusable and len(idle) < KEPT:
            idle.append(connection)
        else:
            connection.close()
        return response


async def connect(target: Target) -> Connection:
    """Raises UpstreamError."""
    loop = asyncio.get_running_loop()
    try:
        _, connection = await asyncio.wait_for(loop.create_connection(Connection, *target), CONNECT)
    except TimeoutError:
        raise UpstreamError("no connection in time", late=True) from None
    except OSError as error:
        raise UpstreamError(f"no connection: {error}") from error
    return connection
