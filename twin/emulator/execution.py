"""What ECS does with the execution role before a container starts, each with the words in which it fails on AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.emulator.containers import LogTarget, SecretReference
from twin.programs import Reference

Clients = Callable[[str], Any]
"""A service's client with the credentials of the execution role."""
RESOURCES = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
)
RETRIED = "service call has been retried 1 time(s)"


class StartError(Exception):
    """The task cannot start; the message is its stoppedReason."""


def pull(clients: Clients, image: Reference) -> str:
    """The digest of an image of this account that this role may pull. Raises StartError.

    A fake: the layers are asked for and not fetched. What is shown is that the role may, and that the tag is there.
    """
    ecr = clients("ecr")
    try:
        ecr.get_authorization_token()
    except (BotoCoreError, ClientError) as error:
        raise StartError(f"{RESOURCES}unable to retrieve ecr registry auth: {RETRIED}: {_said(error)}") from error
    name = f"{image.registry}/{image.repository}:{image.tag}"
    try:
        found = ecr.batch_get_image(repositoryName=image.repository, imageIds=[{"imageTag": image.tag}])["images"]
        if not found:
            raise StartError(
                f"CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref "
                f"{name}: {name}: not found"
            )
        manifest = json.loads(found[0]["imageManifest"])
        for layer in [manifest["config"], *manifest["layers"]]:
            ecr.get_download_url_for_layer(repositoryName=image.repository, layerDigest=layer["digest"])
    except (BotoCoreError, ClientError) as error:
        raise StartError(
            f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {name}: "
            f"{_said(error)}"
        ) from error
    return str(found[0]["imageId"]["imageDigest"])


def resolve(clients: Clients, references: Sequence[SecretReference]) -> dict[str, str]:
    """The variables that come from secrets and parameters. Raises StartError."""
    return {reference.variable: _value(clients, reference) for reference in references}


def _value(clients: Clients, reference: SecretReference) -> str:
    try:
        if reference.parameter:
            answer = clients("ssm").get_parameters(Names=[reference.secret], WithDecryption=True)
            if answer["InvalidParameters"]:
                raise StartError(f"{RESOURCES}unable to retrieve secrets from ssm: {RETRIED}: invalid parameters: "
                                 f"{reference.secret}")  # fmt: skip
            return str(answer["Parameters"][0]["Value"])
        value = str(clients("secretsmanager").get_secret_value(SecretId=reference.secret)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        source = "ssm" if reference.parameter else "asm"
        raise StartError(
            f"{RESOURCES}unable to retrieve secret from {source}: {RETRIED}: failed to fetch secret "
            f"{reference.secret}: {_said(error)}"
        ) from error
    if not reference.key:
        return value
    try:
        return str(json.loads(value)[reference.key])
    except (ValueError, KeyError, TypeError):
        # Never the parser's words: they quote the secret.
        raise StartError(
            f"{RESOURCES}unable to retrieve secret from asm: {RETRIED}: retrieved secret from Secrets Manager did not "
            f"contain json key {reference.key}"
        ) from None


def open_log(clients: Clients, target: LogTarget) -> Any:
    """The client that writes to the stream, which is there afterwards. Raises StartError."""
    logs = clients("logs")
    try:
        logs.create_log_stream(logGroupName=target.group, logStreamName=target.stream)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise StartError(
                f"ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
                f"failed to create Cloudwatch log stream: {_said(error)}"
            ) from error
    return logs


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return str(error)
