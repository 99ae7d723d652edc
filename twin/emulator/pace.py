"""How fast the twin's time goes: waits that AWS counts in minutes and that are only waiting are shorter here."""

from __future__ import annotations

import os

MINUTE = "EVERGREEN_TWIN_MINUTE"
"""The variable that says how many seconds such a minute lasts."""
USUAL = 2.0


def seconds(minutes: float) -> float:
    """How long so many minutes of AWS last here."""
    return minutes * float(os.environ.get(MINUTE) or USUAL)
