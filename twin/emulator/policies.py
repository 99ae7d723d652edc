"""Whether a role may do something, for what the twin only simulates."""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.core import iam_evaluator

from twin.emulator import credentials
from twin.emulator.control import Document, needed, route
from twin.folder import LOOPBACK, REGION, Twin

_sessions: dict[str, str] = {}
"""The access key of a session for each role that was asked about."""


def install(_: Twin) -> None:
    """Nothing: importing this module gave the route."""


@route("POST", "/allowed")
def told(asked: Document) -> Document:
    """`resource` is an ARN, `context` has the condition keys of the action's service."""
    role, action, resource = needed(asked, "role", "action", "resource")
    reason = refusal(role, action, resource, asked.get("context") or {})
    return {"allowed": reason is None, "reason": reason or ""}


def refusal(role: str, action: str, resource: str, context: Document) -> str | None:
    """Why it may not, by MiniStack's own judgement of identity policies, boundary and the resource's policy."""
    name = credentials.role_name(role)
    credentials.role_document(name)
    key = _sessions.get(name) or credentials.session_of(name, "twin")["AccessKeyId"]
    _sessions[name] = key
    # As a request of its own, over TLS: what the one that asks was signed with is none of its business.
    denied = contextvars.Context().run(_enforce, key, action, resource, context)
    if denied is None:
        return None
    why = getattr(denied, "reason", "") or getattr(denied, "message", "")
    return f"{credentials.session_arn(name, 'twin')} is not authorized to perform {action} on {resource}: {why}"


def _enforce(key: str, action: str, resource: str, context: Document) -> Any:
    iam_evaluator.pin_request_origin(LOOPBACK, True)
    service = action.partition(":")[0]
    return iam_evaluator.enforce(key, action, service, REGION, resource_arn=resource, service_context=context)
