"""TLS in front of a PostgreSQL that has none: it answers the request for encryption and passes the rest on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from pathlib import Path

from twin.folder import TwinError

TLS = struct.pack("!ii", 8, 80877103)
GSS = struct.pack("!ii", 8, 80877104)
CANCEL = 80877102
"""The first eight bytes of a connection: a length and a code."""
CHUNK = 2**16
OPENED_WITHIN = 5.0
Address = tuple[str, int]


class TlsDoor:
    """Open from the beginning, on a thread of its own. `must`: who asks for no encryption is refused."""

    def __init__(self, address: Address, target: Address, *, certificate: Path, key: Path, must: bool) -> None:
        self._address = address
        self._target = target
        self._must = must
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)
        self._loop = asyncio.new_event_loop()
        self._opened = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="tls-door", daemon=True)
        self._thread.start()
        self._opened.wait(OPENED_WITHIN)
        if self._error is not None:
            raise TwinError(f"nobody can listen on {address[0]}:{address[1]}: {self._error}")

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(OPENED_WITHIN)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(asyncio.start_server(self._serve, *self._address))
        except OSError as error:
            self._error = error
            self._opened.set()
            return
        self._opened.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled when the door closes; asyncio's server would complain of whoever lets that through.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await self._greet(reader, writer)
            if head is not None:
                await self._pass_on(head, reader, writer)
        writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """What the server is yet to read of what was read here; None for whoever is refused."""
        head = await reader.readexactly(len(TLS))
        if head == GSS:
            writer.write(b"N")
            head = await reader.readexactly(len(TLS))
        if head == TLS:
            writer.write(b"S")
            await writer.start_tls(self._context)
            return b""
        if self._must and struct.unpack("!ii", head)[1] != CANCEL:
            writer.write(_refusal())
            await writer.drain()
            return None
        return head

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one of both sides has nothing more to say."""
        from_server, to_server = await asyncio.open_connection(*self._target)
        to_server.write(head)
        pumps = [asyncio.ensure_future(_pump(*ends)) for ends in ((reader, to_server), (from_server, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            to_server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(CHUNK):
            writer.write(content)
            await writer.drain()


def _refusal() -> bytes:
    """PostgreSQL's own words, as its protocol has errors."""
    fields = {"S": "FATAL", "V": "FATAL", "C": "28000", "M": "no pg_hba.conf entry for this host, no encryption"}
    body = b"".join(f"{kind}{text}\0".encode() for kind, text in fields.items()) + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body
