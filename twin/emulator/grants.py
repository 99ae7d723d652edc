"""What the services that MiniStack has do for one another, asked of the policies that AWS would ask."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator as iam

from twin.folder import ACCOUNT, LOOPBACK, REGION, Twin


def install(_: Twin) -> None:
    """A call of one service to another is encrypted; MiniStack takes it for plain, which policies here refuse."""
    iam._request_origin = ContextVar("twin_request_origin", default=(LOOPBACK, True))


def service_may(policy: Any, *, service: str, action: str, resource: str, source: str) -> bool:
    """Whether a resource's own policy admits a service, such as events.amazonaws.com, for the `source` (an ARN)."""
    context = iam.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=REGION,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": ACCOUNT, "aws:sourceowner": ACCOUNT},
    )
    return bool(iam.evaluate_resource_policy(policy, context, service=service).decision == "Allow")
