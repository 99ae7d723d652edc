"""From the path of a request to the one object that it may name, and what every answer says besides its body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

METHODS = frozenset({"GET", "HEAD"})
PATH = re.compile(
    r"/(?P<problem>[a-z][a-z0-9_]{0,30})/(?P<execution>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)
"""The id of an execution is a random UUID: whoever has the link may read that report, and nobody finds another."""
MOST = 5_000_000
"""Bytes of a page: an answer of a function ends at six megabytes, as JSON."""
ABSENT = "There is no report here.\n"
TOO_LARGE = "This report is too large to be sent from here; it can be read in the S3 console.\n"
HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    # The link is what lets its reader in: a page that the report leads to must not learn it.
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}


def key_of(method: str, path: str) -> str | None:
    """The key of the report that is asked for; None for a request of any other kind."""
    asked = PATH.fullmatch(path)
    if asked is None or method not in METHODS:
        return None
    return f"reports/{asked['problem']}/{asked['execution']}/report.html"


def page(method: str, html: str) -> dict[str, Any]:
    return _answer(200, "text/html", "" if method == "HEAD" else html)


def absent() -> dict[str, Any]:
    return _answer(404, "text/plain", ABSENT)


def too_large() -> dict[str, Any]:
    return _answer(413, "text/plain", TOO_LARGE)


def _answer(status: int, kind: str, body: str) -> dict[str, Any]:
    """As Lambda turns it into HTTP."""
    headers = {**HEADERS, "content-type": f"{kind}; charset=utf-8"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
