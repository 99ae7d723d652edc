"""CodePipeline asks after a release, ECS before it shifts traffic to new tasks."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from .events import Deployment, Job, Settings
from .verifier import Verifier


def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any] | None:
    """A pipeline's job is answered through its API, a deployment by what is returned."""
    settings = Settings.model_validate(dict(os.environ))
    verifier = Verifier(ssm=_client("ssm"), codepipeline=_client("codepipeline"), endpoints=settings.endpoints)
    if "CodePipeline.job" in event:
        verifier.release(Job.of(event))
        return None
    return verifier.deployment(Deployment.model_validate(event))


@cache
def _client(name: str) -> Any:
    return boto3.client(name)
