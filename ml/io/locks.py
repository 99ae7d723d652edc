"""Who may change what is released: one process at a time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ml.io.leases import Hold, lease
from ml.io.tracking import BusyError, Tracking


@contextmanager
def lock(tracking: Tracking, name: str) -> Iterator[Hold]:
    """Exclusive right to change what is released under `name`.

    With a database file the lock is a file beside it and ends with its process; on a server it is a lease, for there
    is no compare-and-swap. Raises BusyError after `tracking.lock_seconds`.
    """
    if tracking.database is None:
        with lease(tracking, name) as hold:
            yield hold
        return
    with machine_lock(tracking, name):
        yield Hold(name)


@contextmanager
def machine_lock(tracking: Tracking, name: str) -> Iterator[None]:
    """Keep the processes of this machine from registering under `name` at once, where the store is a database file.

    A server needs none for that: what is registered twice is found by its digest. Raises BusyError.
    """
    if tracking.database is None:
        yield
        return
    tracking.database.parent.mkdir(parents=True, exist_ok=True)
    path = tracking.database.with_name(f"{tracking.database.name}.{name}.lock")
    with path.open("ab") as file:
        _acquire(file.fileno(), f"another process is releasing {name} ({path})", tracking.lock_seconds)
        yield


def _acquire(file: int, problem: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise BusyError(f"{problem}; gave up after {seconds:g} seconds") from error
            time.sleep(0.05)
