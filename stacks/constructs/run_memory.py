"""What triggers remember: which events were handled, and what runs, waits and may start for each problem."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.lifetime import Lifetime


class RunMemory(dynamodb.Table):
    """The key `id` and the expiry `expiration` are what powertools' idempotency expects."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime) -> None:
        super().__init__(
            scope,
            id,
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expiration",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=lifetime.keep
            ),
            encryption=dynamodb.TableEncryption.DEFAULT
            if lifetime.key is None
            else dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=lifetime.key,
            deletion_protection=lifetime.keep,
            removal_policy=lifetime.removal,
        )
        acknowledge(
            self,
            {
                "NIST.800.53.R5-DynamoDBInBackupPlan": "It can be restored to any second of 35 days, and holds nothing "
                "that outlives a month.",
            }
            | (
                {}
                if lifetime.keep
                else {"AwsSolutions-DDB3": "Lost, it is empty: one event may start a second run. No data is in it."}
            ),
        )

    def grant_items(self, grantee: iam.IGrantable) -> None:
        """To read and write single items: no scan, no batch, no stream."""
        self.grant(grantee, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
