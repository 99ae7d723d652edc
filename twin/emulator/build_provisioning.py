"""What CodeBuild does with a project's role before the first command, each in the words in which it fails on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twin.emulator import execution
from twin.emulator.build_order import Network, Order
from twin.emulator.build_phases import PhaseError
from twin.emulator.build_sources import Clients
from twin.emulator.containers import LogTarget, SecretReference
from twin.emulator.execution import StartError
from twin.emulator.task_log import LogShipper
from twin.folder import ACCOUNT, REGION
from twin.programs import Reference

Refusal = Callable[[str, str, Mapping[str, Any]], str | None]
"""From action, resource and context to why the project's role may not."""
INTERFACES = (
    "CreateNetworkInterface",
    "DescribeNetworkInterfaces",
    "DeleteNetworkInterface",
    "DescribeSubnets",
    "DescribeSecurityGroups",
    "DescribeDhcpOptions",
    "DescribeVpcs",
)
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"


def open_log(build: Order, clients: Clients, path: Path) -> LogShipper:
    """Raises PhaseError."""
    target = LogTarget(build.log_group, build.uuid)
    try:
        return LogShipper(execution.open_log(clients, target), target, path)
    except StartError as error:
        message = f"Service role {build.role} does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams"
        said = f"{message} for build {build.arn}: {error.__cause__ or error}"
        raise PhaseError("ACCESS_DENIED", said) from error


def pull(image: Reference, clients: Clients) -> None:
    """Raises PhaseError."""
    try:
        execution.pull(clients, image)
    except StartError as error:
        message = f"Unable to pull customer's container image. {error}"
        raise PhaseError("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", message) from error


def join(network: Network, build: str, refusal: Refusal) -> None:
    """A fake: whether the role may make the interface is asked; there is none, and its rules hold nobody up.

    Raises PhaseError.
    """
    asked: list[tuple[str, str, dict[str, str]]] = [(f"ec2:{action}", "*", {}) for action in INTERFACES]
    for subnet in network.subnets:
        context = {"ec2:Subnet": f"{EC2}:subnet/{subnet}", "ec2:AuthorizedService": "codebuild.amazonaws.com"}
        interface = f"{EC2}:network-interface/eni-{build[:8]}"
        asked.append(("ec2:CreateNetworkInterfacePermission", interface, context))
    for action, resource, context in asked:
        if refused := refusal(action, resource, context):
            raise PhaseError("VPC_CLIENT_ERROR", f"Unexpected EC2 error: UnauthorizedOperation: {refused}")


def values(build: Order, clients: Clients) -> dict[str, str]:
    """The variables of the project and of whoever started the build, secrets resolved. Raises PhaseError."""
    try:
        return {variable["name"]: _value(variable, clients) for variable in build.variables}
    except StartError as error:
        raise PhaseError("CLIENT_ERROR", f"a variable cannot be read: {error}") from error


def _value(variable: Mapping[str, str], clients: Clients) -> str:
    """Of a secret as ID:KEY, where the id may be an ARN; of a parameter by its name."""
    kind, name, value = variable.get("type", "PLAINTEXT"), variable["name"], variable["value"]
    if kind == "PLAINTEXT":
        return value
    if kind == "PARAMETER_STORE":
        reference = SecretReference(name, value, "", parameter=True)
    else:
        words = value.split(":")
        size = 7 if value.startswith("arn:") else 1
        key = words[size] if len(words) > size else ""
        reference = SecretReference(name, ":".join(words[:size]), key, parameter=False)
    return execution.resolve(clients, [reference])[name]
