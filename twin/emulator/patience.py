"""The CDK's CLI asks every five seconds how a stack does; it is answered when the stack is done, not before.

A deployment here is otherwise mostly waiting: each stack takes less than a second.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

from ministack.services import cloudformation

from twin.emulator.additions import Answer, ServiceHandler, wrap_service
from twin.folder import Twin

CLI = "aws-cdk"
"""In the User-Agent. Others, a Lambda among them, see a stack on its way as on AWS."""
LONGEST = 20.0
"""Seconds; the CLI's own limit for an answer is far beyond."""
LOOK = 0.05


def install(_: Twin) -> None:
    wrap_service("cloudformation", _patient)


def _patient(theirs: ServiceHandler) -> ServiceHandler:
    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        asked = parse_qs(body.decode(errors="replace"))
        if asked.get("Action") == ["DescribeStacks"] and CLI in headers.get("user-agent", ""):
            await _settled(asked.get("StackName", [""])[0])
        return await theirs(method, path, headers, body, query)

    return handler


async def _settled(named: str) -> None:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline and _on_its_way(named):
        await asyncio.sleep(LOOK)


def _on_its_way(named: str) -> bool:
    """REVIEW_IN_PROGRESS is not: it waits for whoever made the change set."""
    return any(
        named in {stack.get("StackName"), stack.get("StackId")}
        and str(stack.get("StackStatus")).endswith("_IN_PROGRESS")
        and stack.get("StackStatus") != "REVIEW_IN_PROGRESS"
        for stack in list(cloudformation._stacks.values())
    )
