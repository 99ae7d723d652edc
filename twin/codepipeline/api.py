"""CodePipeline's operations: from a request's JSON to an answer's, with AWS's errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from twin.codepipeline import execution, requests, views
from twin.codepipeline.requests import RefusedError
from twin.codepipeline.state import Moment, PipelineState, Trigger
from twin.codepipeline.store import Store, UnknownPipelineError
from twin.codepipeline.structure import Structure

Document = Mapping[str, Any]
CONTINUATION = 0.5
"""Minutes until a function that asks to be called again is called again."""
MOST = 100
"""On one page."""


@dataclass(frozen=True)
class Caller:
    """Who asks, and of whose pipelines."""

    arn: str
    region: str
    account: str


class Api:
    """`minute` is how many seconds a minute lasts that is only waited for."""

    def __init__(self, store: Store, *, minute: float, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._minute = minute
        self._clock = clock
        self._operations: dict[str, Callable[[Document, Caller], Document]] = {
            "CreatePipeline": self._create,
            "UpdatePipeline": self._update,
            "DeletePipeline": self._delete,
            "GetPipeline": self._get,
            "ListPipelines": self._list,
            "StartPipelineExecution": self._start,
            "StopPipelineExecution": self._stop,
            "RetryStageExecution": self._retry,
            "RollbackStage": self._roll_back,
            "GetPipelineState": self._state,
            "GetPipelineExecution": self._execution,
            "ListPipelineExecutions": self._executions,
            "ListActionExecutions": self._actions,
            "PutApprovalResult": self._approve,
            "PutJobSuccessResult": self._job_done,
            "PutJobFailureResult": self._job_failed,
        }

    def call(self, operation: str, asked: Document, caller: Caller) -> Document:
        """Raises RefusedError."""
        handler = self._operations.get(operation)
        if handler is None:
            raise RefusedError("InvalidAction", f"the twin's CodePipeline has no {operation}")
        try:
            return handler(asked, caller)
        except UnknownPipelineError as name:
            message = f"Account '{caller.account}' does not have a pipeline with name '{name}'"
            raise RefusedError("PipelineNotFoundException", message) from None
        except KeyError as absent:
            raise RefusedError("ValidationException", f"{operation} needs {absent}") from None

    def _create(self, asked: Document, caller: Caller) -> Document:
        structure = _structure(asked["pipeline"], 1)
        if structure.name in self._store.names():
            raise RefusedError("PipelineNameInUseException", f"there is a pipeline {structure.name} already")
        at = self._moment()
        arn = f"arn:aws:codepipeline:{caller.region}:{caller.account}:{structure.name}"
        state = PipelineState(arn=arn, versions={1: structure}, created=at.time, updated=at.time)
        # As on AWS, where a pipeline runs once when it is made.
        requests.start(state, at, trigger=Trigger(type="CreatePipeline", detail=caller.arn), given={})
        execution.advance(state, at, scale=self._minute)
        self._store.add(state)
        return {"pipeline": structure.document()}

    def _update(self, asked: Document, _: Caller) -> Document:
        with self._store.change(asked["pipeline"]["name"]) as state:
            structure = _structure(asked["pipeline"], state.version + 1)
            state.version, state.updated = structure.version, self._clock()
            state.versions[structure.version] = structure
        return {"pipeline": structure.document()}

    def _delete(self, asked: Document, _: Caller) -> Document:
        self._store.remove(asked["name"])
        return {}

    def _get(self, asked: Document, _: Caller) -> Document:
        state = self._store.get(asked["name"])
        version = asked.get("version", state.version)
        if version not in state.versions:
            raise RefusedError("PipelineVersionNotFoundException", f"{state.name} has no version {version}")
        metadata = {"pipelineArn": state.arn, "created": state.created, "updated": state.updated}
        return {"pipeline": state.versions[version].document(), "metadata": metadata}

    def _list(self, _: Document, __: Caller) -> Document:
        return {"pipelines": [views.listed(state) for state in self._store.all()]}

    def _start(self, asked: Document, caller: Caller) -> Document:
        """`sourceRevisions` is refused: the source is the one checkout that the twin was started from."""
        if asked.get("sourceRevisions"):
            raise RefusedError("ValidationException", "the twin's source has one revision, the checkout's: give none")
        given = {each["name"]: each["value"] for each in asked.get("variables", [])}
        trigger = Trigger(type="StartPipelineExecution", detail=caller.arn)
        with self._store.change(asked["name"]) as state:
            at = self._moment()
            started = requests.start(state, at, trigger=trigger, given=given, token=asked.get("clientRequestToken"))
            execution.advance(state, at, scale=self._minute)
        return {"pipelineExecutionId": started.id}

    def _stop(self, asked: Document, _: Caller) -> Document:
        name, give_up = asked["pipelineExecutionId"], bool(asked.get("abandon"))
        with self._store.change(asked["pipelineName"]) as state:
            requests.stop(state, self._moment(), name=name, give_up=give_up, reason=asked.get("reason", ""))
            execution.advance(state, self._moment(), scale=self._minute)
        return {"pipelineExecutionId": name}

    def _retry(self, asked: Document, _: Caller) -> Document:
        everything = asked["retryMode"] == "ALL_ACTIONS"
        with self._store.change(asked["pipelineName"]) as state:
            name, stage = asked["pipelineExecutionId"], asked["stageName"]
            requests.retry(state, self._moment(), name=name, stage=stage, everything=everything)
            execution.advance(state, self._moment(), scale=self._minute)
        return {"pipelineExecutionId": name}

    def _roll_back(self, asked: Document, caller: Caller) -> Document:
        with self._store.change(asked["pipelineName"]) as state:
            stage, target = asked["stageName"], asked["targetPipelineExecutionId"]
            begun = requests.roll_back(state, self._moment(), stage=stage, target=target, by=caller.arn)
            execution.advance(state, self._moment(), scale=self._minute)
        return {"pipelineExecutionId": begun.id}

    def _state(self, asked: Document, _: Caller) -> Document:
        return views.pipeline_state(self._store.get(asked["name"]))

    def _execution(self, asked: Document, _: Caller) -> Document:
        state = self._store.get(asked["pipelineName"])
        found = requests.execution(state, asked["pipelineExecutionId"])
        return {"pipelineExecution": views.execution(state, found)}

    def _executions(self, asked: Document, _: Caller) -> Document:
        state = self._store.get(asked["pipelineName"])
        stage = asked.get("filter", {}).get("succeededInStage", {}).get("stageName")
        found = [each for each in reversed(state.executions) if not stage or each.stages.get(stage) == "Succeeded"]
        return _page("pipelineExecutionSummaries", [views.summary(each) for each in found], asked)

    def _actions(self, asked: Document, _: Caller) -> Document:
        state, filtered = self._store.get(asked["pipelineName"]), asked.get("filter", {})
        name = {**filtered.get("latestInPipelineExecution", {}), **filtered}.get("pipelineExecutionId")
        only = requests.execution(state, name) if name else None
        pairs = [(found, run) for found, run in reversed(state.runs()) if only is None or found is only]
        return _page("actionExecutionDetails", [views.action_execution(state, *pair) for pair in pairs], asked)

    def _approve(self, asked: Document, caller: Caller) -> Document:
        with self._store.change(asked["pipelineName"]) as state:
            at = self._moment()
            given = requests.decide(
                state,
                at,
                stage=asked["stageName"],
                action=asked["actionName"],
                token=asked["token"],
                approved=asked["result"]["status"] == "Approved",
                summary=asked["result"]["summary"],
                by=caller.arn,
            )
            execution.advance(state, at, scale=self._minute)
        return {"approvedAt": given}

    def _job_done(self, asked: Document, _: Caller) -> Document:
        details = asked.get("executionDetails", {})
        return self._answer(
            asked["jobId"],
            continuation=asked.get("continuationToken"),
            pause=CONTINUATION * self._minute,
            summary=details.get("summary", ""),
            external_id=details.get("externalExecutionId"),
            variables=asked.get("outputVariables"),
        )

    def _job_failed(self, asked: Document, _: Caller) -> Document:
        details = asked["failureDetails"]
        return self._answer(asked["jobId"], failure=details["message"], external_id=details.get("externalExecutionId"))

    def _answer(self, job: str, **result: Any) -> Document:
        for known in self._store.all():
            if any(run.job == job for _, run in known.runs()):
                with self._store.change(known.name) as state:
                    requests.answer(state, self._moment(), job=job, **result)
                    execution.advance(state, self._moment(), scale=self._minute)
                return {}
        raise RefusedError("JobNotFoundException", f"no job {job} waits for a result")

    def _moment(self) -> Moment:
        return Moment(self._clock(), lambda: str(uuid.uuid4()))


def _structure(declared: Document, version: int) -> Structure:
    try:
        return Structure.model_validate({**declared, "version": version})
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise RefusedError("InvalidStructureException", f"the twin's CodePipeline cannot run this: {said}") from None


def _page(name: str, entries: Sequence[Document], asked: Document) -> Document:
    try:
        begin = int(asked.get("nextToken", 0))
    except ValueError:
        raise RefusedError("InvalidNextTokenException", f"{asked['nextToken']} is no token of ours") from None
    end = begin + min(asked.get("maxResults") or MOST, MOST)
    return {name: entries[begin:end], **({"nextToken": str(end)} if end < len(entries) else {})}
