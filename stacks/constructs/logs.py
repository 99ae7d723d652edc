"""A log group that its stack owns: with a retention, under the environment's key, gone with the stack unless kept."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.lifetime import Lifetime


class OwnedLogGroup(logs.LogGroup):
    """`name` only where a service insists on one."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime, name: str | None = None) -> None:
        super().__init__(
            scope,
            id,
            log_group_name=name,
            retention=logs.RetentionDays.INFINITE,
            removal_policy=lifetime.removal,
            encryption_key=lifetime.key,
        )
        resource = self.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)
        resource.retention_in_days = lifetime.log_days


def stack_uuid(scope: Construct) -> str:
    """For a name that a service insists on: what was kept of a stack must not be in the way of the next one."""
    return cdk.Fn.select(2, cdk.Fn.split("/", cdk.Stack.of(scope).stack_id))
