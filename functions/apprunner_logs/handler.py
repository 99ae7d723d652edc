"""A custom resource: `Service` and `Days` set a retention when it is made, `Sweep` deletes groups when it goes.

The groups carry an id that App Runner makes up, so they are only known once the service exists, and they may be
written to until it is gone: hence two resources, one after the service and one before it.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

KINDS = ("application", "service")
logger = Logger(service="apprunner_logs")


def handle(event: dict[str, Any], _context: LambdaContext) -> None:
    """Do it and tell CloudFormation, whatever happens."""
    try:
        apply(_client(), event["RequestType"], event["ResourceProperties"])
    except Exception as error:  # CloudFormation waits an hour for an answer that does not come
        logger.exception("log groups not set")
        _answer(event, "FAILED", str(error))
    else:
        _answer(event, "SUCCESS", "")


def apply(logs: Any, request: str, properties: Mapping[str, str]) -> None:
    """Raises what botocore raises."""
    if request == "Delete":
        if prefix := properties.get("Sweep"):
            _sweep(logs, prefix)
    elif service := properties.get("Service"):
        for kind in KINDS:
            _retain(logs, f"/aws/apprunner/{service}/{kind}", int(properties["Days"]))


def _retain(logs: Any, group: str, days: int) -> None:
    try:
        logs.create_log_group(logGroupName=group)
    except logs.exceptions.ResourceAlreadyExistsException:
        logger.debug("App Runner was first", group=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=days)


def _sweep(logs: Any, prefix: str) -> None:
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
        for group in page["logGroups"]:
            try:
                logs.delete_log_group(logGroupName=group["logGroupName"])
            except logs.exceptions.ResourceNotFoundException:
                logger.debug("gone already", group=group["logGroupName"])


def _answer(event: Mapping[str, Any], status: str, reason: str) -> None:
    said = {
        "Status": status,
        "Reason": reason[:1000],
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    body = json.dumps(said).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310  # an address of CloudFormation's own
        logger.info("answered", status=status)


@cache
def _client() -> Any:
    return boto3.client("logs")
