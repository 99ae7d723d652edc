"""Where data lies: raw tables, DVC's files, models, captured predictions, and who asked for any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.data_bucket import DataBucket
from stacks.lifetime import Lifetime


class Storage(cdk.Stack):
    """`names` may name raw, dvc, artifacts and capture. What is captured lives for `capture_days`."""

    def __init__(
        self, scope: Construct, id: str, *, names: Mapping[str, str], capture_days: int, lifetime: Lifetime
    ) -> None:
        super().__init__(scope, id)
        self.access_logs: s3.IBucket = self._log_bucket(lifetime)
        common: Mapping[str, Any] = {"logs": self.access_logs, "lifetime": lifetime}
        raw = DataBucket(self, "Raw", name=names.get("raw"), old=365, cool=True, **common)
        raw.announce_to_eventbridge()
        cdk.CfnOutput(self, "RawBucket", value=raw.bucket_name, description="Data arrives here, below PROBLEM/")
        self.raw: s3.IBucket = raw
        # DVC names a file by its content: the only old versions are what a clean-up deleted.
        self.dvc: s3.IBucket = DataBucket(self, "Dvc", name=names.get("dvc"), old=90, **common)
        self.artifacts: s3.IBucket = DataBucket(
            self, "Artifacts", name=names.get("artifacts"), old=365, cool=True, **common
        )
        self.capture: s3.IBucket = DataBucket(
            self, "Capture", name=names.get("capture"), current=capture_days, old=7, **common
        )

    def _log_bucket(self, lifetime: Lifetime) -> s3.IBucket:
        """It does not log itself, which would never end."""
        bucket = DataBucket(
            self, "AccessLogs", logs=None, current=lifetime.log_days, old=1, service_key=True, lifetime=lifetime
        )
        why = "Load balancers deliver their logs under S3's own key only."
        acknowledge(bucket, {"NIST.800.53.R5-S3DefaultEncryptionKMS": why})
        return bucket
