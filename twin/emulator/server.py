"""The emulator's one door: MiniStack behind the twin's own interface and the faults, on one port of loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from twin.emulator import control, faults
from twin.emulator.control import Receive, Scope, Send
from twin.folder import LOOPBACK, Twin

GRACE = 2.0
"""Seconds that requests get to end once the emulator is asked to."""

log = logging.getLogger(__name__)


def run(twin: Twin) -> None:
    """Serve until SIGTERM or SIGINT, then end within seconds, whatever still runs on threads."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(twin))


async def _serve(twin: Twin) -> None:
    """Does not return: MiniStack's threads wait for what will not come, and Python would wait for them."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_note)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    serving = loop.create_task(serve(_door(twin), _config(twin), shutdown_trigger=asked.wait))
    waiting = loop.create_task(asked.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({serving}, timeout=GRACE)
    if failed := serving.done() and serving.exception():
        log.error("could not serve: %s", failed)
    control.end()
    logging.shutdown()
    os._exit(1 if failed else 0)


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A client that leaves without a word ends its connection's task so, which is nothing to read about."""
    if not isinstance(context.get("exception"), TimeoutError | ConnectionError | asyncio.CancelledError):
        loop.default_exception_handler(context)


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
