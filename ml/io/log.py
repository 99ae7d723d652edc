"""Events of long work as one line each: what happened, then fields. Standard output is left to results."""

from __future__ import annotations

import logging
import sys

_log = logging.getLogger("evergreen")


def start_logging() -> None:
    """Send events to standard error, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.handlers[:] = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False


def event(name: str, **fields: object) -> None:
    """Log `name key=value ...`; a value with a space is quoted."""
    _log.info("%-10s %s", name, " ".join(f"{key}={_written(value)}" for key, value in fields.items()))


def _written(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f'"{text}"' if " " in text or not text else text
