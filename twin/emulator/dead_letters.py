"""How AWS retries what nobody could handle, and what it puts in a dead-letter queue then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAUSES = (1.0, 2.0)
"""Minutes between Lambda's attempts at one asynchronous event."""
LONGEST_MESSAGE = 1024
"""Bytes of an error's message in a message attribute."""
HANDLED = "200"
"""Lambda's status for an invocation whose function raised."""
TOO_MANY = "429"


@dataclass(frozen=True)
class Patience:
    """Of one function with its asynchronous events (Lambda's EventInvokeConfig), with AWS' defaults."""

    retries: int = 2
    minutes: float = 360.0

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None) -> Patience:
        given = settings or {}
        retries, age = given.get("MaximumRetryAttempts"), given.get("MaximumEventAgeInSeconds")
        return cls(
            retries=cls.retries if retries is None else int(retries),
            minutes=cls.minutes if age is None else int(age) / 60,
        )

    def pause(self, failures: int, refusals: int, waited: float) -> float | None:
        """Minutes until the next attempt; None to give up. `refusals` are attempts for which there was no room.

        Those are no failures: such an event is tried for as long as it may grow old, ever more rarely.
        """
        if failures > self.retries:
            return None
        pause = min(2**refusals / 60, 5.0) if refusals else PAUSES[min(failures, len(PAUSES)) - 1]
        return pause if waited + pause <= self.minutes else None


@dataclass(frozen=True)
class Letter:
    """A message of SQS: attributes by name, each a type and a text."""

    body: str
    attributes: Mapping[str, tuple[str, str]]

    @property
    def message_attributes(self) -> dict[str, dict[str, str]]:
        return {name: {"DataType": kind, "StringValue": text} for name, (kind, text) in self.attributes.items() if text}


def of_a_function(event: Any, *, request: str, code: str, error: str) -> Letter:
    """As Lambda sends it: the event as it came."""
    attributes = {
        "RequestID": ("String", request),
        "ErrorCode": ("Number", code),
        "ErrorMessage": ("String", _cut(error)),
    }
    return Letter(json.dumps(event), attributes)


def of_a_rule(event: Any, *, rule: str, target: str, code: str, error: str) -> Letter:
    """As EventBridge sends what it could not deliver: the event that matched."""
    told = {"RULE_ARN": rule, "TARGET_ARN": target, "ERROR_CODE": code, "ERROR_MESSAGE": _cut(error)}
    return Letter(json.dumps(event), {name: ("String", text) for name, text in told.items()})


def _cut(text: str) -> str:
    return text.encode()[:LONGEST_MESSAGE].decode(errors="ignore")
