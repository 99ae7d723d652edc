"""Waiting for something that can be seen, for a while and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from twin.folder import TwinError

T = TypeVar("T")


class WaitError(TwinError):
    """It did not happen in time; the message says what was awaited, what was last seen and where to look."""


def until(
    what: str,
    look: Callable[[], T | None],
    *,
    seconds: float,
    closer: Callable[[], str] = lambda: "",
    every: float = 0.2,
    seen: Callable[[], str] = lambda: "",
) -> T:
    """The first thing that `look` finds; neither None nor False is one.

    `seen` tells the last state, `closer` the last log lines and the command to look closer. Raises WaitError.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() >= deadline:
            parts = (f"not within {seconds:g} seconds: {what}", seen(), closer())
            raise WaitError("\n".join(part for part in parts if part))
        time.sleep(every)
