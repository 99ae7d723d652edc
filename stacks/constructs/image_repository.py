"""A repository whose tags never move: what was proven is what runs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from stacks.lifetime import Lifetime

NEWEST = 30


class ImageRepository(ecr.Repository):
    """Scans what is pushed, and keeps the newest images that have a tag."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime) -> None:
        super().__init__(
            scope,
            id,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS if lifetime.key else ecr.RepositoryEncryption.AES_256,
            encryption_key=lifetime.key,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    rule_priority=1,
                    description="What lost its tag was never released",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=cdk.Duration.days(1),
                ),
                ecr.LifecycleRule(
                    rule_priority=2,
                    description="Enough to go back to",
                    tag_status=ecr.TagStatus.TAGGED,
                    tag_pattern_list=["*"],
                    max_image_count=NEWEST,
                ),
            ],
            removal_policy=lifetime.removal,
            empty_on_delete=not lifetime.keep,
        )
