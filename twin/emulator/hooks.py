"""Lifecycle hooks of a deployment: functions that say whether it may go on, called with the hook's own role."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.emulator import traffic
from twin.emulator.pace import seconds
from twin.emulator.rollouts import Answer
from twin.folder import Twin

log = logging.getLogger("twin.deployments")
USUAL_DELAY = 30
"""Seconds until a hook in progress is called again, where it names none."""
Hook = Mapping[str, Any]


class Hooks:
    """The calls of one deployment, one at a time, each on a thread of its own."""

    def __init__(self, twin: Twin, event: Mapping[str, Any]) -> None:
        """`event`: what each function is told, but for the stage and the hook's details."""
        self._twin = twin
        self._event = event
        self._number = 0
        self._answer: Answer | None = None
        self._details: dict[str, Any] = {}
        self._execution = str(uuid.uuid4())

    def call(self, number: int, stage: str, hooks: Sequence[Hook]) -> None:
        """Once for each number."""
        if number == self._number:
            return
        self._number, self._answer = number, None
        threading.Thread(target=self._ask, args=(number, stage, hooks), name=f"hook-{stage}", daemon=True).start()

    def answer(self, number: int) -> Answer | None:
        """To that call; None until it comes."""
        return self._answer if number == self._number else None

    def _ask(self, number: int, stage: str, hooks: Sequence[Hook]) -> None:
        answers = [self._ask_one(stage, hook) for hook in hooks]
        refused = [each for each in answers if each.status not in {"SUCCEEDED", "IN_PROGRESS"}]
        waiting = [each for each in answers if each.status == "IN_PROGRESS"]
        worst = (refused or waiting or answers)[0]
        log.info("hook stage=%s call=%d status=%s %s", stage, number, worst.status, worst.reason)
        if number == self._number:
            self._answer = worst

    def _ask_one(self, stage: str, hook: Hook) -> Answer:
        target = hook["hookTargetArn"]
        details = self._details.get(f"{stage} {target}", hook.get("hookDetails"))
        event = {
            **self._event,
            "executionId": self._execution,
            "lifecycleStage": stage,
            **({} if details is None else {"hookDetails": details}),
        }
        try:
            function = traffic.client(self._twin, hook["roleArn"], "lambda", traffic.PATIENT)
            told = function.invoke(FunctionName=target, Payload=json.dumps(event))
            content = told["Payload"].read().decode()
        except (traffic.TrafficError, BotoCoreError, ClientError) as error:
            return Answer("FAILED", reason=str(error))
        if told.get("FunctionError"):
            return Answer("FAILED", reason=content[:500])
        return self._understood(f"{stage} {target}", content)

    def _understood(self, key: str, content: str) -> Answer:
        try:
            said = json.loads(content)
            status = str(said["hookStatus"])
            delay = float(said.get("callBackDelay", USUAL_DELAY))
        except (ValueError, KeyError, TypeError) as error:
            return Answer("FAILED", reason=f"no hookStatus in {content[:200]!r}: {error!r}")
        if "hookDetails" in said:
            self._details[key] = said["hookDetails"]
        return Answer(status, delay=seconds(delay / 60))
