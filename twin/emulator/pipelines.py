"""CodePipeline's door in the emulator: IAM is asked here, what is allowed goes to the process that runs pipelines."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from typing import Any

from ministack.core import iam_evaluator
from ministack.services.cloudformation import provisioners

from twin.emulator.additions import Answer, ServiceHandler, add_service, failure
from twin.emulator.pipeline_names import declaration, resource
from twin.emulator.template_types import Made, Properties
from twin.folder import ACCOUNT, LOOPBACK, Twin, TwinError

TYPE = "AWS::CodePipeline::Pipeline"
TARGET = "CodePipeline_20150709"
KIND = "application/x-amz-json-1.1"
RESTART = 10.0
"""Seconds that the process may be away: its keeper starts it again."""
PAUSE = 0.1
OWNER = f"arn:aws:iam::{ACCOUNT}:root"


def install(twin: Twin) -> None:
    """Serve the API, and pipelines in templates."""
    add_service("codepipeline", _proxy(twin), target_prefixes=[TARGET], namespace="codepipeline", resource=resource)

    def create(logical: str, properties: Properties, stack: str) -> Made:
        name = properties.get("Name") or provisioners._physical_name(stack, logical, max_len=100)
        return _declared(twin, "CreatePipeline", properties, name)

    def update(former: str, _: Properties, properties: Properties, __: str) -> Made:
        return _declared(twin, "UpdatePipeline", properties, former)

    def delete(former: str, _: Properties) -> None:
        _own(twin, "DeletePipeline", {"name": former})

    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": create, "update": update, "delete": delete}


def _declared(twin: Twin, operation: str, properties: Properties, name: str) -> Made:
    made = _own(twin, operation, {"pipeline": declaration(properties, name)})
    return name, {"Version": str(made["pipeline"]["version"])}


def _own(twin: Twin, operation: str, asked: dict[str, Any]) -> Any:
    """As CloudFormation. Raises TwinError with CodePipeline's words."""
    status, _, body = _pass_on(twin, f"{TARGET}.{operation}", json.dumps(asked).encode(), OWNER)
    answer = json.loads(body)
    if status != 200:
        raise TwinError(f"{answer['__type']}: {answer['message']}")
    return answer


def _proxy(twin: Twin) -> ServiceHandler:
    async def handler(_: str, __: str, headers: dict[str, str], body: bytes, ___: dict[str, Any]) -> Answer:
        caller = iam_evaluator.caller_arn() or OWNER
        return await asyncio.to_thread(_pass_on, twin, headers.get("x-amz-target", ""), body, caller)

    return handler


def _pass_on(twin: Twin, target: str, body: bytes, caller: str) -> Answer:
    """A process that is away is waited for; one that was asked and died may have done it, so nothing is asked twice.

    Only a refused connection says that nothing was asked.
    """
    headers = {"X-Amz-Target": target, "X-Twin-Token": twin.token, "X-Twin-Caller": caller, "Content-Type": KIND}
    request = urllib.request.Request(f"http://{LOOPBACK}:{twin.pipeline}/", data=body, headers=headers, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + RESTART
    while True:
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, {"Content-Type": KIND}, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {"Content-Type": KIND}, error.read()
        except OSError as error:
            refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                return failure("ServiceUnavailable", f"CodePipeline does not answer: {error}", 503)
        time.sleep(PAUSE)
