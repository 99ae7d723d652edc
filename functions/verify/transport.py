"""Ask a service over HTTP what it serves."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from .decision import Answer, Nobody, NoModel, Served, Silent

BALANCER = "awselb"


def ask(url: str, headers: Mapping[str, str], seconds: float) -> Answer:
    """One answer, over a new connection, so that the next one may come from another task."""
    try:
        _read(f"{url}/readyz", headers, seconds)
        model = _read(f"{url}/model", headers, seconds)["model"]
        return Served(digest=str(model["digest"]), version=model["version"])
    except urllib.error.HTTPError as error:
        with error:
            return _refusal(error)
    except OSError as error:
        return Silent(str(getattr(error, "reason", error)))
    except (ValueError, KeyError, TypeError) as error:
        return Silent(f"not its document: {error!r}")


def _read(url: str, headers: Mapping[str, str], seconds: float) -> Any:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no web address")
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310  # the scheme is checked
    with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
        return json.load(answer)


def _refusal(error: urllib.error.HTTPError) -> Answer:
    if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
        return Silent(f"status {error.code}")
    if error.headers.get("Server", "").startswith(BALANCER):
        return Nobody()
    return NoModel() if _says_no_model(error) else Silent(f"status {error.code}")


def _says_no_model(error: urllib.error.HTTPError) -> bool:
    try:
        return bool(json.load(error)["detail"] == "no model yet")
    except (OSError, ValueError, KeyError, TypeError):
        return False
