"""The one key of an environment, and the services that use it without a role of this account."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

SEND = ("kms:Decrypt", "kms:GenerateDataKey*")
STORE = (*SEND, "kms:Encrypt", "kms:ReEncrypt*", "kms:DescribeKey")


class EncryptionKey(kms.Key):
    """Rotated every year. Whoever has a role, CodePipeline among them, needs a grant: the account's IAM decides."""

    def __init__(self, scope: Construct, id: str, *, removal: cdk.RemovalPolicy) -> None:
        super().__init__(
            scope,
            id,
            description="Encrypts what this environment keeps",
            enable_key_rotation=True,
            removal_policy=removal,
            pending_window=cdk.Duration.days(7),
        )
        stack = cdk.Stack.of(self)
        ours = {"StringEquals": {"aws:SourceAccount": stack.account}}
        groups = stack.format_arn(
            service="logs", resource="log-group", resource_name="*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )
        topics = stack.format_arn(service="sns", resource="*")
        self._allow(
            f"logs.{stack.region}.amazonaws.com", STORE, {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        )
        self._allow("cloudwatch.amazonaws.com", SEND, ours)
        self._allow("aps.amazonaws.com", SEND, ours)
        # Queues first. For topics EventBridge does not say for whom it asks; what tells them apart is the topic.
        # Source: docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        self._allow("events.amazonaws.com", SEND, ours)
        self._allow("events.amazonaws.com", SEND, {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}})

    def _allow(self, service: str, actions: tuple[str, ...], conditions: Mapping[str, Mapping[str, str]]) -> None:
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=list(actions),
                resources=["*"],
                conditions=dict(conditions),
            )
        )
