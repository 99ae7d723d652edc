"""The credentials of the two roles of a task, and clients that use them: never those of an administrator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

from twin.emulator.execution import Clients, StartError
from twin.folder import REGION, Twin, TwinError

Assume = Callable[[str, str, str], Mapping[str, str]]
"""From a role's ARN, a service principal and a session's name to AccessKeyId, SecretAccessKey and SessionToken.

Raises TwinError when the role's trust policy does not admit that principal.
"""
PRINCIPAL = "ecs-tasks.amazonaws.com"
REFUSED = (
    "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being "
    "passed has the proper trust relationship and permissions: {error}"
)
CONFIG = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=20)


def variables(assume: Assume, role: str, session: str) -> dict[str, str]:
    """What a process of the role has in its environment; nothing for no role. Raises StartError."""
    if not role:
        return {}
    try:
        given = assume(role, PRINCIPAL, session)
    except TwinError as error:
        raise StartError(REFUSED.format(role=role, error=error)) from error
    return as_variables(given)


def as_variables(given: Mapping[str, str]) -> dict[str, str]:
    """Credentials as STS gives them, for a process's environment."""
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


def clients(twin: Twin, given: Mapping[str, str], config: Config = CONFIG) -> Clients:
    """Of the role whose variables are given; each service's is made once."""

    @functools.cache
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=twin.endpoint,
            region_name=REGION,
            verify=str(twin.ca),
            config=config,
            aws_access_key_id=given.get("AWS_ACCESS_KEY_ID", "none"),
            aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY", "none"),
            aws_session_token=given.get("AWS_SESSION_TOKEN"),
        )

    return client
