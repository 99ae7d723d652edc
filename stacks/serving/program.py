"""The service as a program: what it is told and what it may do, wherever it runs."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from stacks.constructs.objects import grant_fetching, grant_writing
from stacks.serving.target import PORT
from stacks.tracking_access import TrackingAccess

SCRATCH = "/tmp"  # noqa: S108  # the one folder of the container that can be written to
CREDENTIALS = {"EVERGREEN_TRACKING_USERNAME": "username", "EVERGREEN_TRACKING_PASSWORD": "password"}
"""Environment variable to the field of the tracking server's secret."""


def environment(problem: str, tracking: TrackingAccess, capture: s3.IBucket) -> dict[str, str]:
    return {
        "EVERGREEN_HOST": "0.0.0.0",  # noqa: S104  # inside a container
        "EVERGREEN_PORT": str(PORT),
        "EVERGREEN_MODEL": problem,
        "EVERGREEN_TRACKING_URI": tracking.uri,
        "EVERGREEN_CACHE": f"{SCRATCH}/evergreen",
        "EVERGREEN_CAPTURE": f"{SCRATCH}/capture",
        "EVERGREEN_CAPTURE_BUCKET": capture.bucket_name,
    }


def permit(role: iam.Role, *, problem: str, artifacts: s3.IBucket, capture: s3.IBucket) -> None:
    """Let the service fetch the bundles of its own model and write its own captured predictions, nothing else."""
    grant_fetching(artifacts, role, f"mlflow/{problem}/*")
    grant_writing(capture, role, f"capture/{problem}/*")
