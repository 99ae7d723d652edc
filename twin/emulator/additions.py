"""How a service that MiniStack lacks is added to it, with IAM asked about the resources that AWS would ask about."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from ministack import app
from ministack.core import iam_actions, router

from twin.emulator import resources
from twin.folder import Twin

Answer = tuple[int, dict[str, str], bytes]
ServiceHandler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
"""From method, path, headers (lower case), body and query to status, headers and body."""
Resource = Callable[[str, dict[str, Any]], str | None]
"""From an operation and its JSON (or form) to the ARN that IAM is asked about; None leaves it to MiniStack."""

_resources: dict[str, Resource] = dict(resources.NAMED)


def add_service(
    name: str,
    handler: ServiceHandler,
    *,
    target_prefixes: Sequence[str],
    namespace: str,
    resource: Resource,
) -> None:
    """Serve the requests whose X-Amz-Target starts so; their actions are NAMESPACE:OPERATION.

    `name` must be what the service's requests are signed for.
    """
    router.SERVICE_PATTERNS[name] = {"target_prefixes": list(target_prefixes), "host_patterns": []}
    app.SERVICE_HANDLERS[name] = handler
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = namespace
    _resources[name] = resource


def wrap_service(name: str, wrap: Callable[[ServiceHandler], ServiceHandler]) -> None:
    """Put something before or behind a service that is there."""
    app.SERVICE_HANDLERS[name] = wrap(app.SERVICE_HANDLERS[name])


def operation(headers: dict[str, str]) -> str:
    """What a request of the JSON protocols asks for; empty for those of others."""
    return headers.get("x-amz-target", "").rpartition(".")[2]


def document(body: bytes) -> dict[str, Any]:
    """The JSON of a request; an empty one when there is none."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def success(told: Any) -> Answer:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(told, default=str).encode()


def failure(code: str, message: str, status: int = 400) -> Answer:
    """An error as the JSON protocols have it."""
    told = {"__type": code, "message": message}
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(told).encode()


def install(_: Twin) -> None:
    """Have MiniStack ask about the resources that were named here."""
    theirs = iam_actions.extract_resource_arn

    def extract(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> str:
        named = _resources.get(service)
        asked = document(body) or dict(parse_qsl(body.decode(errors="replace"))) if named else {}
        arn = named(operation(headers) or str(asked.get("Action", "")), asked) if named else None
        return arn or str(theirs(service, method, path, headers, body, *rest))

    iam_actions.extract_resource_arn = extract
