"""The emulator called as the account's owner, for what CloudFormation itself does there."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from twin.folder import REGION

OWNER = "test"


@cache
def client(service: str) -> Any:
    """boto3's client; only for threads other than the server's own."""
    return boto3.client(
        service,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=OWNER,
        aws_secret_access_key=OWNER,
        config=Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}, proxies={}),
    )


def code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def ignoring(gone: str, call: Any, **arguments: Any) -> None:
    """Call it; an error whose code starts with `gone` says that there was nothing left to do."""
    try:
        call(**arguments)
    except ClientError as error:
        if not code(error).startswith(gone):
            raise
