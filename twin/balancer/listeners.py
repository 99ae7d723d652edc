"""The sockets of the listeners, opened and closed as the table says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from twin.balancer.board import Board
from twin.balancer.proxy import Proxy
from twin.folder import Twin

Place = tuple[str, int, bool]
GRACE = 5
"""Seconds for what is under way when a listener closes."""
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """One of several in a process, which has its own way to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Door:
    server: Server
    task: asyncio.Task[Any]


class Listeners:
    def __init__(self, board: Board, twin: Twin) -> None:
        self._board = board
        self._twin = twin
        self._doors: dict[Place, Door] = {}

    def follow(self) -> None:
        """Open what is new and close what is gone; what could not open is tried again."""
        wanted = {listener.place for listener in self._board.table.listeners}
        for place, door in list(self._doors.items()):
            if door.task.done() or place not in wanted:
                door.server.should_exit = True
                del self._doors[place]
        for place in wanted - self._doors.keys():
            self._doors[place] = self._open(place)

    async def end(self) -> None:
        for door in self._doors.values():
            door.server.should_exit = True
        await asyncio.gather(*(door.task for door in self._doors.values()), return_exceptions=True)

    def _open(self, place: Place) -> Door:
        address, port, secure = place
        config = uvicorn.Config(
            Proxy(self._board, place),
            host=address,
            port=port,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            # Longer than a client keeps its own, as with AWS: 60 s.
            timeout_keep_alive=60,
            timeout_graceful_shutdown=GRACE,
            ssl_certfile=self._twin.certificate if secure else None,
            ssl_keyfile=self._twin.key if secure else None,
        )
        server = Server(config)
        task = asyncio.create_task(_serve(server, place))
        return Door(server, task)


async def _serve(server: Server, place: Place) -> None:
    """uvicorn ends the process when its socket is taken; here only the listener stays closed."""
    try:
        await server.serve()
    except SystemExit:
        log.error("cannot listen at %s:%d; the next table tries again", place[0], place[1])
