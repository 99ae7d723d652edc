"""A person opens the link of a question: the report of that execution, or one sentence."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError

from .page import MOST, absent, key_of, page, too_large

BUCKET = "REPORTS_BUCKET"
MISSING = frozenset({"NoSuchKey", "AccessDenied", "404", "403"})
"""To whom may not list a bucket S3 does not say that an object is missing, but that it is denied."""
PATIENCE = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "max_attempts": 2})

logger = Logger(service="report")


def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """One request of a function URL. Raises what botocore raises where S3 fails, which an alarm counts."""
    return answer(_client(), os.environ[BUCKET], event["requestContext"]["http"]["method"], event["rawPath"])


def answer(s3: Any, bucket: str, method: str, path: str) -> dict[str, Any]:
    """Status, headers and body."""
    key = key_of(method, path)
    if key is None:
        logger.info("no address of a report", method=method, path=path[:100])
        return absent()
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if (code := error.response["Error"]["Code"]) not in MISSING:
            raise
        logger.warning("report not found", key=key, code=code)
        return absent()
    size = int(found["ContentLength"])
    logger.info("report opened", key=key, method=method, bytes=size)
    return too_large() if size > MOST else page(method, found["Body"].read().decode())


@cache
def _client() -> Any:
    return boto3.client("s3", config=PATIENCE)
