"""What the service's validator refuses, in words for a person at a terminal."""

from __future__ import annotations

import json

from service.errors import InvalidInput


def in_words(error: InvalidInput) -> str:
    """One sentence about the first thing that is wrong."""
    if isinstance(error.detail, str):
        return error.detail
    first = error.detail[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the rows"
    given = f", given {json.dumps(first['input'])}" if "input" in first else ""
    return f"{where}: {first['msg']}{given}"
