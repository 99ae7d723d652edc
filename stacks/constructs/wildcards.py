"""Name the wildcard that a policy has on purpose: the objects under one prefix of a bucket of another stack."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from stacks.constructs.acknowledge import acknowledge


def acknowledge_objects(construct: IConstruct, bucket: s3.IBucket, keys: str, reason: str) -> None:
    """The rule names a finding by the export that the template imports."""
    arn = cdk.Stack.of(bucket).export_value(bucket.bucket_arn)
    exported = cdk.Stack.of(construct).resolve(arn)["Fn::ImportValue"]
    acknowledge(construct, {f"AwsSolutions-IAM5[Resource::{exported}/{keys}]": reason})
