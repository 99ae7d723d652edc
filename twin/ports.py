"""A part of the loopback range and two ports that no other twin has; the kernel is the referee."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from twin.folder import LOOPBACK, TwinError

BLOCKS = 6000
FIRST_PORT = 20_000
"""Two ports a block from here on, below the range from which the kernel serves those who ask for any."""
NEEDED = ((2, 5432), (10, 8080))
"""What the templates open on a block's addresses: PostgreSQL and the first load balancer."""
TRIES = 50


@dataclass(frozen=True)
class Place:
    """Whoever has `held` open has the place: a second bind to the same address fails."""

    block: str
    gateway: int
    pipeline: int
    held: socket.socket


def take(candidates: Iterable[int] | None = None) -> Place:
    """The first free one of the candidates (numbers below BLOCKS; by default some at random). Raises TwinError."""
    taken: list[str] = []
    for number in random.sample(range(BLOCKS), TRIES) if candidates is None else candidates:
        try:
            return _place(number)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
                raise
            taken.append(str(error))
    raise TwinError(
        f"no free part of 127.0.0.0/8: {taken[-1]}; end what listens there (`ss -ltn` shows it), "
        "for instance a server on every address"
    )


def _place(number: int) -> Place:
    block = f"127.{64 + number // 100}.{number % 100}"
    gateway = FIRST_PORT + 2 * number
    held = _bound(f"{block}.1", gateway)
    try:
        held.listen(1)
        needed = [(LOOPBACK, gateway), (LOOPBACK, gateway + 1), *((f"{block}.{host}", port) for host, port in NEEDED)]
        for address, port in needed:
            with contextlib.closing(_bound(address, port, again=True)):
                pass
    except OSError:
        held.close()
        raise
    return Place(block, gateway, gateway + 1, held)


def _bound(address: str, port: int, *, again: bool = False) -> socket.socket:
    """`again` as servers do: connections of an earlier server that linger do not count."""
    bound = socket.socket()
    try:
        if again:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"{address}:{port} is taken") from error
    return bound
