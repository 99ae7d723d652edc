"""Commands of `evergreen` that have a module of their own: what a person types, and what is printed."""

from __future__ import annotations

import re

from ml.errors import UserError

MENDABLE, REFUSED = 2, 3
"""Exit codes: something given is wrong or missing; the policy or a check said no."""


def version_of(text: str) -> tuple[str, int]:
    """The problem and the number of a `PROBLEM/VERSION`. Raises UserError for another text."""
    found = re.fullmatch(r"([^/\s]+)/([1-9][0-9]{0,8})", text)
    if found is None:
        raise UserError(f"{text!r} names no version; write PROBLEM/VERSION, like flights/3")
    return found[1], int(found[2])
