"""From an event's JSON to what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.parser.models import EventBridgeModel
from pydantic import BaseModel, Field

from .decision import Request
from .objects import location, problem_of, refusal

LATEST = "latest"
TICK = "Tick"
ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "CANCELED", "SUPERSEDED"})
"""States of an execution or a stage after which it does nothing more."""
SEQUENCER = 64


@dataclass(frozen=True)
class Refused:
    """An event that never asks for a run. `problem` is empty where it names none that we know."""

    problem: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Ended:
    """A run that no longer trains."""

    execution: str


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str
    size: int = 0
    etag: str = ""
    version: str | None = Field(default=None, alias="version-id")
    sequencer: str = ""


class _ObjectDetail(BaseModel):
    bucket: _Bucket
    object: _Object


class _AlarmState(BaseModel):
    value: str
    reason: str = ""


class _AlarmDetail(BaseModel):
    name: str = Field(alias="alarmName")
    state: _AlarmState
    configuration: dict[str, Any] = {}


class _PipelineDetail(BaseModel):
    execution: str = Field(alias="execution-id")
    state: str


class _ObjectEvent(EventBridgeModel):
    detail: _ObjectDetail


class _AlarmEvent(EventBridgeModel):
    detail: _AlarmDetail


class _PipelineEvent(EventBridgeModel):
    detail: _PipelineDetail


def read(event: Mapping[str, Any], bucket: str, problems: Sequence[str]) -> Sequence[Request | Refused | Ended | Tick]:
    """What the event asks for. An event of an unknown shape raises: it belongs among the dead letters."""
    match event.get("source"), event.get("detail-type"):
        case ("evergreen.retrain", "Tick"):
            return [Tick()]
        case ("aws.s3", _):
            return [_from_object(parse(event=dict(event), model=_ObjectEvent), bucket, problems)]
        case ("aws.events", "Scheduled Event"):
            return _from_schedule(parse(event=dict(event), model=EventBridgeModel), problems)
        case ("aws.cloudwatch", "CloudWatch Alarm State Change"):
            return [_from_alarm(parse(event=dict(event), model=_AlarmEvent), problems)]
        case ("aws.codepipeline", _):
            return _from_pipeline(parse(event=dict(event), model=_PipelineEvent))
    raise UnknownEventError(f"no rule of ours sends {event.get('detail-type')!r} of {event.get('source')!r}")


class UnknownEventError(Exception):
    """An event that no rule of ours sends."""


def _from_object(event: _ObjectEvent, bucket: str, problems: Sequence[str]) -> Request | Refused:
    found, name = event.detail.object, event.detail.bucket.name
    problem = problem_of(found.key) if problem_of(found.key) in problems else ""
    reason = refusal(found.key, found.size, problems)
    if event.detail_type != "Object Created":
        reason = "not a creation"
    if name != bucket:
        reason = "another bucket"
    if reason is not None:
        return Refused(problem, reason, f"{name}/{found.key}")
    return Request(
        id=_id(name, found.key, found.version or f"{found.sequencer}/{found.etag}"),
        problem=problem,
        cause="data",
        data=location(name, found.key, found.version),
        reason=_line(f"data {found.key}"),
        at=event.time,
        key=f"{name}/{found.key}",
        sequencer=_comparable(found.sequencer),
    )


def _from_schedule(event: EventBridgeModel, problems: Sequence[str]) -> list[Request]:
    return [
        Request(
            id=_id(event.id, problem),
            problem=problem,
            cause="schedule",
            data=LATEST,
            reason=_line(f"schedule {event.time:%Y-%m-%d %H:%M}"),
            at=event.time,
        )
        for problem in problems
    ]


def _from_alarm(event: _AlarmEvent, problems: Sequence[str]) -> Request | Refused:
    alarm = event.detail
    problem = _problem_watched(alarm.configuration)
    if alarm.state.value != "ALARM":
        return Refused(problem if problem in problems else "", "not an alarm", alarm.name)
    if problem not in problems:
        return Refused("", "unknown problem", alarm.name)
    return Request(
        id=_id(event.id, problem),
        problem=problem,
        cause="drift",
        data=LATEST,
        reason=_line(f"drift {alarm.state.reason}"),
        at=event.time,
    )


def _problem_watched(configuration: Mapping[str, Any]) -> str:
    metrics = configuration.get("metrics") or [{}]
    dimensions = metrics[0].get("metricStat", {}).get("metric", {}).get("dimensions", {})
    return str(dimensions.get("Problem", ""))


def _from_pipeline(event: _PipelineEvent) -> list[Ended]:
    return [Ended(event.detail.execution)] if event.detail.state in ENDED else []


def _id(*parts: str) -> str:
    """What StartPipelineExecution takes as a token: letters, digits, and no more than 128 of them."""
    return sha256("\n".join(parts).encode()).hexdigest()


def _comparable(sequencer: str) -> str:
    """S3 pads the shorter of two sequencers with zeros on the right, then compares them as texts."""
    return sequencer.lower().ljust(SEQUENCER, "0") if sequencer else ""


def _line(text: str) -> str:
    """One line that survives a pipeline variable, a shell and a web page."""
    return re.sub(r"[^A-Za-z0-9 .,:/_=()+-]", "_", text)[:200].strip()
