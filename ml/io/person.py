"""Who acts, for the record."""

from __future__ import annotations

import getpass
import os

TRIGGERED_BY = "EVERGREEN_TRIGGERED_BY"
"""Set by whoever starts a run for someone else: a pipeline, a schedule."""


def person() -> str:
    """The user's name on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def triggered_by() -> str:
    """Who started the run: as the environment says, else the user."""
    return os.environ.get(TRIGGERED_BY) or person()
