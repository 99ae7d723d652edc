"""The surroundings of the retrain function, without a network: recorded events, a memory, a pipeline, a clock."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from functions.retrain.decision import Request, State
from functions.retrain.memory import ChangedError
from tests.support.aws import simulated_aws

EVENTS = Path(__file__).parents[1] / "functions" / "events"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded event; `changes` go to the object that it tells of."""
    recorded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    recorded["detail"].get("object", {}).update(changes)
    return recorded


def data(number: int, *, at: datetime = NOON, **changes: Any) -> Request:
    """The wish of one upload."""
    values = {"id": f"{number:064x}", "problem": "flights", "cause": "data", "data": f"s3://raw/{number}"}
    return Request(**{**values, "reason": f"data {number}", "at": at, "key": f"raw/{number}", **changes})


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class RememberedStates:
    """A memory of one process, as strict as the table."""

    states: dict[str, tuple[State, int]] = field(default_factory=dict)
    sequencers: dict[str, str] = field(default_factory=dict)

    def load(self, problem: str) -> tuple[State, int]:
        return self.states.get(problem, (State(), 0))

    def save(self, problem: str, state: State, revision: int) -> None:
        if self.load(problem)[1] != revision:
            raise ChangedError(problem)
        self.states[problem] = state, revision + 1

    def newest(self, key: str, sequencer: str, now: datetime) -> str:
        self.sequencers[key] = max(sequencer, self.sequencers.get(key, ""))
        return self.sequencers[key]


class Crash(BaseException):
    """The process is gone: nothing after this line runs."""


@dataclass
class Pipeline:
    """Starts one execution for one token, as CodePipeline does. `fault` is raised once, by the next call.

    `late`: only after the execution has started.
    """

    clock: Clock = field(default_factory=Clock)
    executions: dict[str, Request] = field(default_factory=dict)
    days: dict[str, date] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    fault: BaseException | None = None
    late: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, request: Request) -> str:
        with self.lock:
            fault, self.fault = self.fault, None
            self.calls[request.id] += 1
            if fault is None or self.late:
                self.executions.setdefault(request.id, request)
                self.days.setdefault(request.id, self.clock.now.date())
            if fault is not None:
                self.faults[request.id] += 1
                raise fault
        return f"run-{request.id}"


@dataclass
class Counted:
    """What was counted, by name."""

    counts: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, problem: str, reason: str = "") -> None:
        self.counts[name] += 1


class OneAtATime:
    """A client whose calls do not overlap: moto checks a condition and writes in two steps, DynamoDB in one."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            with self._lock:
                return found(*given, **named)

        return call


@contextmanager
def dynamodb_table(name: str) -> Iterator[OneAtATime]:
    """A client of a simulated DynamoDB with one table, keyed as the stack's."""
    with simulated_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield OneAtATime(client)
