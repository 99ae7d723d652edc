"""Log lines as events with fields, one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


def log_event(
    logger: logging.Logger, level: int, event: str, *, traceback: BaseException | None = None, **fields: object
) -> None:
    """Log an event; the fields stay apart from its name."""
    logger.log(level, event, extra={"fields": fields}, exc_info=traceback)


class JsonFormatter(logging.Formatter):
    """One line of JSON for any record; a traceback is one of its fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send everything to stderr as JSON; what uvicorn says of its routine is left out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
