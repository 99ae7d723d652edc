"""Runs the service on a port until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from service.app import create_app
from service.bundle import BundleError
from service.capture.capture import CaptureError
from service.events import log_event, log_to_stderr
from service.loaded import Load
from service.predictor import load_predictor
from service.settings import Settings, SettingsError, read_settings

DRAIN_SECONDS = 10
logger = logging.getLogger(__name__)


class StartError(Exception):
    """The service cannot start; the message says why in one sentence."""


def serve(settings: Settings, host: str, port: int, *, load: Load = load_predictor) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in flight. Port 0 takes a free one.

    `load` makes a bundle's predictor. Raises StartError for a port that cannot be had, which is found out before
    anything is loaded, for a bundle folder that cannot be served, and for one that takes no captured rows.
    """
    listener = listen(host, port)
    with listener:
        try:
            app = create_app(settings, load=load)
        except (BundleError, CaptureError) as error:
            raise StartError(str(error)) from error
        config = uvicorn.Config(
            app,
            loop="auto",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        log_event(logger, logging.INFO, "listening", host=host, port=listener.getsockname()[1])
        _run(uvicorn.Server(config), listener)
        log_event(logger, logging.INFO, "stopped")


def main(*, load: Load = load_predictor) -> int:
    """The entry point of `python -m service`: settings from the environment. Exit code 2 when it cannot start."""
    log_to_stderr()
    try:
        settings = read_settings()
        serve(settings, settings.host, settings.port, load=load)
    except (SettingsError, StartError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    """uvicorn raises the signals that ended it once more when it is done; here they have done their work."""

    def ended(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that callers wait while the model is loaded. Raises StartError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StartError(f"cannot listen on {host} port {port}: {error.strerror}; choose another port") from error
    return listener
