"""AWS calls for programs that must run with nothing but Python: by boto3 where it is, else by the AWS CLI.

Both take and give the same documents. A stock CodeBuild image has the CLI, this project's environment has boto3.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any


class AwsError(Exception):
    """AWS refused, or nothing here can call it; the message says what was asked and why it failed."""


def call(service: str, operation: str, *, region: str | None = None, **parameters: Any) -> dict[str, Any]:
    """The answer to `operation`, written as the CLI has it: `get-authorization-token`. Raises AwsError."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return _by_command(service, operation, region, parameters)
    try:
        answer: dict[str, Any] = getattr(boto3.client(service, region_name=region), operation.replace("-", "_"))(
            **parameters
        )
    except (BotoCoreError, ClientError) as error:
        raise AwsError(f"aws {service} {operation}: {error}") from error
    return answer


def _by_command(service: str, operation: str, region: str | None, parameters: dict[str, Any]) -> dict[str, Any]:
    command = ["aws", service, operation, "--output", "json", "--cli-input-json", json.dumps(parameters)]
    environment = os.environ | {"AWS_PAGER": ""}
    try:
        done = subprocess.run(
            [*command, *(["--region", region] if region else [])], capture_output=True, check=False, env=environment
        )
    except OSError as error:
        raise AwsError("AWS cannot be called: install boto3 or the AWS CLI") from error
    if done.returncode != 0:
        raise AwsError(f"aws {service} {operation}: {done.stderr.decode(errors='replace').strip()}")
    answer: dict[str, Any] = json.loads(done.stdout or b"{}")
    return answer
