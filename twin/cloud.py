"""How a program of this project speaks to a twin: its control API, and AWS as anyone whom it knows."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from twin.folder import REGION, Twin, TwinError

SECONDS = 30.0


class ControlError(TwinError):
    """The control API refused; `status` says how, `reason` in its words."""

    def __init__(self, message: str, status: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Control:
    """The emulator's `/_twin/`: JSON in, JSON out, for whoever holds the twin's token."""

    def __init__(self, twin: Twin, *, seconds: float = SECONDS) -> None:
        self._twin = twin
        self._seconds = seconds

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        return self._ask("POST", path, document)

    def _ask(self, method: str, path: str, document: Mapping[str, Any] | None) -> Any:
        """Raises ControlError; its `status` is None when nobody answered."""
        request = urllib.request.Request(
            f"{self._twin.endpoint}/_twin{path}",
            method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={"X-Twin-Token": self._twin.token, "Content-Type": "application/json"},
        )
        what = f"{method} /_twin{path}"
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise ControlError(f"{what}: {error.code} {reason}", error.code, reason) from error
        except OSError as error:
            raise ControlError(f"{what}: no answer at {self._twin.endpoint}: {error}") from error

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self._twin.ca))
        # A person's proxy must not carry what is said on loopback.
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)


class Cloud:
    """AWS as its administrator, or as one of its roles.

    Nothing of the caller's own variables and profiles counts, so no call can reach a real account.
    """

    def __init__(self, twin: Twin, credentials: Mapping[str, str] | None = None) -> None:
        self.twin = twin
        self.control = Control(twin)
        self._credentials = credentials
        self._clients: dict[str, Any] = {}

    def as_role(self, role: str, *, service: str | None = None, principal: str | None = None) -> Cloud:
        """As a session of the role (its ARN), taken by a service such as lambda.amazonaws.com or by a principal's ARN.

        Raises ControlError with status 403 when the role's trust policy does not admit them.
        """
        taker = {"service": service} if service else {"principal": principal}
        return Cloud(self.twin, self.control.post("/credentials", {"role": role, "session": "twin", **taker}))

    def client(self, service: str) -> Any:
        """boto3's, one of each."""
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service, endpoint_url=self.twin.endpoint, verify=str(self.twin.ca), config=_config()
            )
        return self._clients[service]

    def stacks(self) -> dict[str, str]:
        """Every stack with its status, in the order of their making."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        found = [stack for page in pages for stack in page["Stacks"]]
        return {str(stack["StackName"]): str(stack["StackStatus"]) for stack in sorted(found, key=_made)}

    def outputs(self, stack: str) -> dict[str, str]:
        described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}

    def resource(self, stack: str, path: str) -> str:
        """The physical id of what the construct at `path` below its stack became, such as `Raw` or `Flights/Service`.

        Raises TwinError when there is not exactly one: constructs of one resource are named without `/Resource`.
        """
        cloudformation = self.client("cloudformation")
        template = cloudformation.get_template(StackName=stack)["TemplateBody"]
        logical = logical_id(template if isinstance(template, dict) else json.loads(template), stack, path)
        detail = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    @cached_property
    def _session(self) -> Any:
        import boto3
        import botocore.session

        # Neither variables nor files: the second of each is the variable that would be read.
        nothing, no_file = (None, None, None, None), (None, None, os.devnull, None)
        sealed = {"profile": nothing, "config_file": no_file, "credentials_file": no_file}
        core = botocore.session.Session(session_vars=sealed)
        key = self._credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        return boto3.Session(
            botocore_session=core,
            region_name=REGION,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key.get("SessionToken"),
        )


def logical_id(template: Mapping[str, Any], stack: str, path: str) -> str:
    """The logical id of the resource at that construct path below its stack. Raises TwinError."""
    wanted = {path, f"{path}/Resource", f"{path}/Default"}
    above = f"{stack.replace('-', '/', 1)}/"
    paths = {
        str(resource.get("Metadata", {}).get("aws:cdk:path", "")): str(name)
        for name, resource in template["Resources"].items()
    }
    found = [name for path, name in paths.items() if path.removeprefix(above) in wanted]
    if len(found) != 1:
        raise TwinError(f"{stack} has {'no' if not found else len(found)} resource at {path!r}")
    return found[0]


def _made(stack: Mapping[str, Any]) -> Any:
    return stack["CreationTime"]


def _config() -> Any:
    from botocore.config import Config

    return Config(
        proxies={},
        retries={"mode": "standard", "max_attempts": 3},
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path"},
    )
