"""Whose hands an action works with: CodePipeline takes the pipeline's role, and that one takes the action's."""

from __future__ import annotations

import threading
import time

from twin.cloud import Cloud

SERVICE = "codepipeline.amazonaws.com"
LASTS = 1800.0
"""Seconds for which a session is used; its credentials hold longer."""


class Roles:
    """Sessions of roles, each made by STS under the trust and the policies that AWS would ask."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Cloud]] = {}

    def of(self, pipeline_role: str, role: str) -> Cloud:
        """Raises ControlError or botocore's ClientError when one of both roles cannot be taken."""
        with self._lock:
            until, cloud = self._known.get((pipeline_role, role), (0.0, self._cloud))
            if until < time.monotonic():
                cloud = self._take(pipeline_role, role)
                self._known[pipeline_role, role] = time.monotonic() + LASTS, cloud
            return cloud

    def _take(self, pipeline_role: str, role: str) -> Cloud:
        pipeline = self._cloud.as_role(pipeline_role, service=SERVICE)
        if role == pipeline_role:
            return pipeline
        sts = pipeline.client("sts")
        return Cloud(self._cloud.twin, sts.assume_role(RoleArn=role, RoleSessionName="codepipeline")["Credentials"])
