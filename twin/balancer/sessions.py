"""A way for a person into the private network: a port of this machine that leads to MLflow.

A fake for `aws ssm start-session` with port forwarding through an instance; it proves nothing of Session Manager.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path

from twin.folder import LOOPBACK

NAME, PORT = "mlflow.evergreen.internal", 5000
"""As the address stands in the tracking stack; `twin/names` knows who answers to it now."""
FILE = "forwards.json"
CHUNK = 65536


async def open_session(folder: Path) -> asyncio.Server:
    """Listen at the port of last time, or another one when that is taken, and write it down."""
    path = folder / FILE
    try:
        server = await asyncio.start_server(_forward, LOOPBACK, port(folder))
    except OSError:
        server = await asyncio.start_server(_forward, LOOPBACK, 0)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"mlflow": server.sockets[0].getsockname()[1]}), encoding="utf-8")
    fresh.replace(path)
    return server


def port(folder: Path) -> int:
    """Where MLflow's page is on 127.0.0.1; 0 before that is known."""
    try:
        return int(json.loads((folder / FILE).read_text(encoding="utf-8"))["mlflow"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Both ways, until either side ends; a name that nobody answers to closes the connection."""
    with contextlib.closing(writer), contextlib.suppress(OSError):
        # Not by the loop's own resolver: only Python's knows the names of a twin.
        found = await asyncio.to_thread(socket.getaddrinfo, NAME, PORT, type=socket.SOCK_STREAM)
        there_reader, there_writer = await asyncio.open_connection(*found[0][4][:2])
        with contextlib.closing(there_writer):
            ways = [asyncio.create_task(_copy(reader, there_writer)), asyncio.create_task(_copy(there_reader, writer))]
            _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in pending:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
