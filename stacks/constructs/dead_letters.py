"""Where events end that nobody could handle, until a person has looked at them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.lifetime import Lifetime


class DeadLetters(sqs.Queue):
    """Kept for fourteen days, the longest that SQS offers."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime) -> None:
        super().__init__(
            scope,
            id,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED if lifetime.key is None else sqs.QueueEncryption.KMS,
            encryption_master_key=lifetime.key,
            removal_policy=lifetime.removal,
        )
        acknowledge(self, {"AwsSolutions-SQS3": "This is the dead-letter queue; it has no consumer that could fail."})
