"""What the doctor looks at: this machine, the values of the environment, and the account."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdk_app.config import Environment
from cdk_app.refusals import WHERE
from ops.assembly import OUTPUT, ROOT

NODE_VERSIONS = (22, 24)
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_LEAST = 6
"""What the CDK's own templates ask for; the synthesised ones may ask for more."""
ECS_ROLE = "AWSServiceRoleForECS"
GITHUB = "token.actions.githubusercontent.com"
PLACEHOLDERS = ("your-", "111122223333")
SECONDS = 10
NO_CREDENTIALS = "log in, for example `aws sso login`, or name a profile in AWS_PROFILE"

State = Literal["ok", "warn", "fail"]
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Check:
    """`found` is what is there, `remedy` what to do about it."""

    name: str
    state: State
    found: str
    remedy: str = ""


def examine(environment: Environment, clients: Clients | None = None, root: Path = ROOT) -> list[Check]:
    """Every check, in the order in which a person would mend what it finds. Never raises for what it finds."""
    here = [node(root), cdk(root), engine(), *values(environment), region(environment)]
    return here + account(environment, clients or in_region(environment.region), root)


def in_region(name: str) -> Clients:
    """Clients that give up within seconds."""
    patience = Config(connect_timeout=3, read_timeout=SECONDS, retries={"total_max_attempts": 2})
    return lambda service: boto3.Session().client(service, region_name=name, config=patience)


def node(root: Path) -> Check:
    """The runtime of the CDK."""
    command = os.environ.get("JSII_NODE") or str(root / ".venv" / "lib" / "node" / "bin" / "node")
    said = _said(command, "--version")
    version = re.fullmatch(r"v(\d+)\..*", said or "")
    if version is None:
        return Check("node", "fail", f"{command} does not run", "run `make synth` once: it installs Node with Python")
    if int(version[1]) not in NODE_VERSIONS:
        return Check("node", "fail", str(said), f"use {' or '.join(map(str, NODE_VERSIONS))}; unset JSII_NODE")
    return Check("node", "ok", str(said))


def cdk(root: Path) -> Check:
    """The CLI must read what the library writes: the pinned version and no other."""
    pinned = json.loads((root / "package.json").read_text())["devDependencies"]["aws-cdk"]
    package = root / "node_modules" / "aws-cdk" / "package.json"
    if not package.exists():
        return Check("CDK CLI", "fail", "not installed", "run `make synth` once: it installs what package.json pins")
    version = json.loads(package.read_text())["version"]
    if version != pinned:
        return Check(
            "CDK CLI", "fail", f"{version}, pinned is {pinned}", "touch package-lock.json and run `make synth`"
        )
    return Check("CDK CLI", "ok", version)


def engine() -> Check:
    """Only pushing the first images by hand needs one; the pipeline builds its own."""
    command = os.environ.get("DOCKER") or "docker"
    if version := _said(command, "info", "--format", "{{.ServerVersion}}"):
        return Check("container engine", "ok", version)
    return Check(
        "container engine",
        "warn",
        "none answers",
        "`make images-push` needs one: start it, or push from another machine",
    )


def values(environment: Environment) -> Iterator[Check]:
    """What a fork still has to fill in."""
    given = {
        "repository": environment.repository.owner,
        "certificate": environment.serving.ecs.certificate if environment.serving.target == "ecs" else None,
        "tracking": environment.tracking.certificate,
    }
    for name, value in given.items():
        if value and any(placeholder in value for placeholder in PLACEHOLDERS):
            yield Check(name, "fail", f"still the placeholder {value}", WHERE)
        elif value:
            yield Check(name, "ok", value)
    if not environment.monitoring.emails:
        yield Check("alarms", "warn", "nobody is told about them", f"name monitoring emails; {WHERE}")


def region(environment: Environment) -> Check:
    """The stacks name their region; the shell's counts for commands that are typed."""
    shell = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if shell and shell != environment.region:
        found = f"{environment.region}, while this shell has {shell}"
        return Check("region", "warn", found, f"export AWS_REGION={environment.region}")
    return Check("region", "ok", environment.region)


def account(environment: Environment, clients: Clients, root: Path) -> list[Check]:
    """What only AWS knows; without credentials only that there are none."""
    try:
        caller = clients("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return [Check("credentials", "fail", f"the account was not looked at: {error}", NO_CREDENTIALS)]
    found = [Check("credentials", "ok", caller["Arn"])]
    if environment.account not in {None, caller["Account"]}:
        said = f"these are of account {caller['Account']}, {environment.name} is {environment.account}"
        found = [Check("credentials", "fail", said, f"{NO_CREDENTIALS}, or {WHERE}")]
    return [
        *found,
        bootstrap(environment, clients, root),
        containers(clients),
        app_runner(environment, clients),
        people(environment, clients),
        provider(environment, clients, caller["Account"]),
    ]


def bootstrap(environment: Environment, clients: Clients, root: Path) -> Check:
    """What `cdk deploy` works with in the account, made once per region."""
    needed = _bootstrap_needed(root)
    remedy = f"run `make bootstrap ENV={environment.name}`"
    try:
        version = clients("ssm").get_parameter(Name=BOOTSTRAP)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return Check("bootstrap", "fail", f"{environment.region} is not prepared for the CDK", remedy)
        return Check("bootstrap", "warn", f"could not be looked at: {error}")
    except BotoCoreError as error:
        return Check("bootstrap", "warn", f"could not be looked at: {error}")
    if int(version) < needed:
        return Check("bootstrap", "fail", f"version {version}, needed is {needed}", remedy)
    return Check("bootstrap", "ok", f"version {version}")


def containers(clients: Clients) -> Check:
    """ECS makes its own role for an account's first cluster, and that cluster fails: it is sooner than the role."""
    remedy = "run `aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com`"
    try:
        clients("iam").get_role(RoleName=ECS_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return Check("ECS", "fail", "the account has never used it: its first cluster would fail", remedy)
        return Check("ECS", "warn", f"could not be looked at: {error}")
    except BotoCoreError as error:
        return Check("ECS", "warn", f"could not be looked at: {error}")
    return Check("ECS", "ok", ECS_ROLE)


def app_runner(environment: Environment, clients: Clients) -> Check:
    """Closed to new customers since 2026-04-30: an account either has it or will not get it."""
    if environment.serving.target != "apprunner":
        return Check("App Runner", "ok", f"not used: {environment.name} serves on {environment.serving.target}")
    remedy = f"set serving target='ecs'; {WHERE}"
    try:
        services = clients("apprunner").list_services(MaxResults=1)["ServiceSummaryList"]
    except (BotoCoreError, ClientError) as error:
        return Check("App Runner", "fail", f"refuses this account: {error}", remedy)
    if not services:
        return Check(
            "App Runner", "warn", "answers, but this account has no service yet", f"if AWS refuses one, {remedy}"
        )
    return Check("App Runner", "ok", "serves in this account")


def people(environment: Environment, clients: Clients) -> Check:
    """Grafana lets people in by IAM Identity Center, which a member of an organisation cannot enable by itself."""
    if not environment.monitoring.grafana:
        return Check("Identity Center", "ok", f"not used: {environment.name} has no Grafana")
    try:
        found = clients("sso-admin").list_instances()["Instances"]
    except (BotoCoreError, ClientError) as error:
        return Check("Identity Center", "warn", f"could not be looked at: {error}")
    if not found:
        remedy = f"enable it in the console, or set monitoring grafana to False; {WHERE}"
        return Check("Identity Center", "warn", f"none seen in {environment.region}, and Grafana needs it", remedy)
    return Check("Identity Center", "ok", found[0]["InstanceArn"])


def provider(environment: Environment, clients: Clients, number: str) -> Check:
    """An account has one identity provider of GitHub; a second cannot be made, so the stack must know the first."""
    arn = f"arn:aws:iam::{number}:oidc-provider/{GITHUB}"
    try:
        tags = clients("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn).get("Tags", [])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return Check("GitHub provider", "ok", "none yet: the stack Access makes it")
        return Check("GitHub provider", "warn", f"could not be looked at: {error}")
    except BotoCoreError as error:
        return Check("GitHub provider", "warn", f"could not be looked at: {error}")
    ours = {"Key": "application", "Value": "evergreen"} in tags
    if environment.access.provider is None and not ours:
        return Check("GitHub provider", "fail", "the account has one already", f"give access provider='{arn}'; {WHERE}")
    return Check("GitHub provider", "ok", arn)


def _bootstrap_needed(root: Path) -> int:
    manifests = [json.loads(path.read_text()) for path in (root / OUTPUT.name).glob("**/manifest.json")]
    artifacts = [artifact for manifest in manifests for artifact in manifest.get("artifacts", {}).values()]
    asked = [int(artifact.get("properties", {}).get("requiresBootstrapStackVersion", 0)) for artifact in artifacts]
    return max(BOOTSTRAP_LEAST, *asked, 0)


def _said(*command: str) -> str | None:
    """The first line of what a command says, or None when it is not there, fails or takes too long."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().partition("\n")[0]
