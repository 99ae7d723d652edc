"""The emulator's one door: MiniStack behind the twin's own interface and the faults, on one port of loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from twin.emulator import control, faults
from twin.emulator.control import Receive, Scope, Send
from twin.folder import LOOPBACK, Twin

GRACE = 3.0
"""Seconds that requests get to end once the emulator is asked to."""

log = logging.getLogger(__name__)


def run(twin: Twin) -> None:
    """Serve until SIGTERM or SIGINT, then end within seconds, whatever still runs on threads."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(twin))
    control.end()
    logging.shutdown()
    # Threads of MiniStack that wait for what will not come would keep the interpreter.
    os._exit(0)


async def _serve(twin: Twin) -> None:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await serve(_door(twin), _config(twin), shutdown_trigger=asked.wait)


def _config(twin: Twin) -> Config:
    """Bound to the gateway alone: MiniStack's own main would take port 443 too, and two twins cannot both."""
    config = Config()
    config.bind = [f"{LOOPBACK}:{twin.gateway}"]
    config.certfile, config.keyfile = str(twin.certificate), str(twin.key)
    config.keep_alive_timeout = 75
    config.graceful_timeout = config.shutdown_timeout = GRACE
    config.loglevel = "WARNING"
    return config


def _door(twin: Twin) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await ministack.app(scope, receive, send)
        elif scope["path"].startswith(f"{control.PREFIX}/"):
            await control.serve(scope, receive, send, twin.token)
        elif not await faults.strike(scope, receive, send):
            await ministack.app(scope, receive, send)

    return door
