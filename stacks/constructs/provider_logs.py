"""Owned logs for the functions with which the CDK itself implements a custom resource."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.logs import OwnedLogGroup
from stacks.lifetime import Lifetime

OWNED = "evergreen:owned-logs"
"""Metadata of a function that was given a group: what an override set cannot be read back."""


def own_provider_logs(scope: Construct, lifetime: Lifetime) -> None:
    """Lets every provider that the stack has so far log to one group of the stack; call it after the last was made.

    Left alone, such a function makes its own group on its first run, which has no retention and outlives the stack.
    """
    stack = cdk.Stack.of(scope)
    for provider in stack.node.children:
        handler = provider.node.try_find_child("Handler")
        if isinstance(provider, cdk.CustomResourceProviderBase) and isinstance(handler, cdk.CfnResource):
            _own(stack, provider, handler, lifetime)


def _own(
    stack: cdk.Stack, provider: cdk.CustomResourceProviderBase, handler: cdk.CfnResource, lifetime: Lifetime
) -> None:
    if any(entry.type == OWNED for entry in handler.node.metadata):
        return
    group = stack.node.try_find_child("ProviderLogs") or OwnedLogGroup(stack, "ProviderLogs", lifetime=lifetime)
    assert isinstance(group, OwnedLogGroup)
    handler.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})
    handler.node.add_metadata(OWNED, group.node.path)
    _only_write(provider, group, handler)


def _only_write(provider: cdk.CustomResourceProviderBase, group: OwnedLogGroup, handler: cdk.CfnResource) -> None:
    """Instead of AWS's managed policy, which may make groups: a late line would bring a deleted group back."""
    role = provider.node.find_child("Role")
    assert isinstance(role, cdk.CfnResource)
    role.add_property_deletion_override("ManagedPolicyArns")
    writing = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[group.log_group_arn]
    )
    policy = iam.CfnManagedPolicy(
        provider, "WriteLogs", policy_document=iam.PolicyDocument(statements=[writing]), roles=[role.ref]
    )
    handler.add_resource_dependency(policy)
