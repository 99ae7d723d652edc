"""A bucket for data: versioned, encrypted, over TLS only, closed to the public, its requests logged."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.provider_logs import own_provider_logs
from stacks.lifetime import Lifetime


class DataBucket(s3.Bucket):
    """`name` is its physical name, made up without one; `logs` the bucket for its access logs, None for that one.

    Times in days. Old versions live for `old`, and cost half from day 30 on with `cool`; what is current lives for
    `current`, or for ever. `service_key`: a service writes here that knows S3's own key only.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        lifetime: Lifetime,
        logs: s3.IBucket | None,
        old: int,
        current: int | None = None,
        cool: bool = False,
        name: str | None = None,
        service_key: bool = False,
    ) -> None:
        key = None if service_key else lifetime.key
        super().__init__(
            scope,
            id,
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{id.lower()}/" if logs else None,
            lifecycle_rules=[_unfinished(current), _old(current, old, cool=cool)],
            removal_policy=lifetime.removal,
            auto_delete_objects=not lifetime.keep,
        )
        own_provider_logs(self, lifetime)
        acknowledge(self, ONE_REGION)

    def announce_to_eventbridge(self) -> None:
        """Every change becomes an event. Set here, because the CDK's own flag brings a Lambda to set it."""
        resource = self.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )


def _unfinished(current: int | None) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
        # An age removes markers without versions too, and S3 refuses to be told both.
        expired_object_delete_marker=True if current is None else None,
    )


def _old(current: int | None, old: int, *, cool: bool) -> s3.LifecycleRule:
    infrequent = s3.NoncurrentVersionTransition(
        storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=cdk.Duration.days(30)
    )
    return s3.LifecycleRule(
        expiration=None if current is None else cdk.Duration.days(current),
        noncurrent_version_expiration=cdk.Duration.days(old),
        noncurrent_version_transitions=[infrequent] if cool else None,
    )


ONE_REGION = {
    "NIST.800.53.R5-S3BucketReplicationEnabled": "Old versions guard against mistakes. A second region doubles the "
    "price and is for a fork that must outlive the loss of one.",
}
