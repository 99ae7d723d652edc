"""Permissions that stay open although the service knows resources, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from ops.policies import Kind, Wildcard, covers


@dataclass(frozen=True)
class Excuse:
    """`actions` may end in `*`; for the kind `managed` they are the names of AWS's policies."""

    stack: str
    kind: Kind
    actions: tuple[str, ...]
    reason: str


INTERFACES = "The interface of a job in the VPC has no name until AWS has made it; its subnets are the condition."

EXCUSES = (
    Excuse(
        "Network",
        "resource",
        ("ssm:UpdateInstanceInformation",),
        "The NAT instance needs its role before it has an id.",
    ),
    Excuse(
        "Tracking",
        "managed",
        ("AmazonRDSEnhancedMonitoringRole",),
        "RDS writes the metrics of its host to a group that all instances of an account share.",
    ),
    Excuse("Training", "resource", ("ec2:CreateNetworkInterface*", "ec2:DeleteNetworkInterface*"), INTERFACES),
    Excuse(
        "Serving",
        "resource",
        ("logs:DescribeLogGroups",),
        "Groups are found by the beginning of their names, and the call asks for the right to all.",
    ),
)


def excused(stack: str, wildcard: Wildcard) -> str:
    """The reason why this one may stay, or nothing."""
    for excuse in EXCUSES:
        fits = any(covers(known, wildcard.action) for known in excuse.actions)
        if stack == excuse.stack and wildcard.kind == excuse.kind and fits:
            return excuse.reason
    return ""
