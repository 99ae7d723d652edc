"""What the services that MiniStack has do for one another, asked of the policies that AWS would ask."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator as iam

from twin.folder import ACCOUNT, LOOPBACK, REGION, Twin


def install(_: Twin) -> None:
    """A call of one service to another is encrypted; MiniStack takes it for plain, which policies here refuse."""
    iam._request_origin = ContextVar("twin_request_origin", default=(LOOPBACK, True))


def service_may(policy: Any, *, service: str, action: str, resource: str, source: str) -> bool:
    """Whether a resource's own policy admits a service, such as events.amazonaws.com, for the `source` (an ARN)."""
    said = {"aws:sourcearn": source, "aws:sourceaccount": ACCOUNT, "aws:sourceowner": ACCOUNT}
    return _admits(policy, "Service", action=action, resource=resource, said=said, service=service)


def anyone_may(policy: Any, *, action: str, resource: str, said: Mapping[str, str]) -> bool:
    """Whether a resource's own policy admits a stranger, whose request has these condition keys."""
    return _admits(policy, "Anonymous", action=action, resource=resource, said=said)


def _admits(
    policy: Any, kind: str, *, action: str, resource: str, said: Mapping[str, str], service: str | None = None
) -> bool:
    context = iam.EvalContext(
        principal_arn="*",
        principal_type=kind,
        principal_account="",
        action=action,
        resource_arn=resource,
        region=REGION,
        service_context=dict(said),
    )
    return bool(iam.evaluate_resource_policy(policy, context, service=service).decision == "Allow")
