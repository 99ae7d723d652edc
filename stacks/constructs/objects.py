"""Rights to the objects of a bucket, action by action: the bucket's own grants come with wildcards."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.findings import attribute, wildcard

LIST = ("s3:ListBucket", "s3:GetBucketLocation")
READ = ("s3:GetObject", "s3:GetObjectVersion")
WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")
Grantee = iam.Role | iam.Policy
NAMES = "Objects are granted by the prefix of their keys; their names come into being with them."


def grant_reading(bucket: s3.IBucket, grantee: Grantee, *keys: str) -> None:
    """List the bucket, and read the objects whose keys match."""
    iam.Grant.add_to_principal(grantee=grantee, actions=list(LIST), resource_arns=[bucket.bucket_arn])
    _grant(bucket, grantee, READ, keys)
    if bucket.encryption_key is not None:
        bucket.encryption_key.grant(grantee, "kms:Decrypt")


def grant_fetching(bucket: s3.IBucket, grantee: Grantee, *keys: str) -> None:
    """Read the objects whose keys match, as they are now, by keys that one knows: nothing is listed."""
    _grant(bucket, grantee, ("s3:GetObject",), keys)
    if bucket.encryption_key is not None:
        bucket.encryption_key.grant(grantee, "kms:Decrypt")


def grant_writing(bucket: s3.IBucket, grantee: Grantee, *keys: str) -> None:
    """Write the objects whose keys match, and neither read nor delete any."""
    _grant(bucket, grantee, WRITE, keys)
    if bucket.encryption_key is not None:
        # A multipart upload reads its own parts back.
        bucket.encryption_key.grant(grantee, "kms:GenerateDataKey", "kms:Decrypt")


def grant_deleting(bucket: s3.IBucket, grantee: Grantee, *keys: str) -> None:
    """Delete the objects whose keys match; their old versions stay."""
    _grant(bucket, grantee, ("s3:DeleteObject",), keys)


def _grant(bucket: s3.IBucket, grantee: Grantee, actions: Sequence[str], keys: Sequence[str]) -> None:
    resources = [bucket.arn_for_objects(key) for key in keys]
    iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=resources)
    arn = attribute(grantee, bucket, bucket.bucket_arn)
    acknowledge(grantee, {wildcard(grantee, f"{arn}/{key}"): NAMES for key in keys})
