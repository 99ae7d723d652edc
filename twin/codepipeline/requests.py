"""What people and functions ask of executions: start, approve, answer a job, stop, retry, roll back. Pure.

Each refusal carries the name of AWS's own error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from twin.codepipeline import events, rollback
from twin.codepipeline.execution import abandon, fail, succeed
from twin.codepipeline.state import Execution, Moment, PipelineState, Trigger

MOST = 50
"""Executions of one pipeline in QUEUED mode that have not ended."""


class RefusedError(Exception):
    """AWS answers with the error `code` and this message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def start(
    state: PipelineState, at: Moment, *, trigger: Trigger, given: Mapping[str, str], token: str | None = None
) -> Execution:
    """A new execution, or the one that the token has started already."""
    known = next((each for each in state.executions if token and each.token == token), None)
    if known is not None:
        return known
    if sum(not each.ended for each in state.executions) >= MOST:
        raise RefusedError("ConcurrentPipelineExecutionsLimitExceededException", f"{state.name} has {MOST} executions")
    begun = Execution(
        id=at.fresh(),
        version=state.version,
        trigger=trigger,
        token=token,
        variables=_variables(state, given),
        started=at.time,
        updated=at.time,
        stage=state.structure.stages[0].name,
    )
    state.executions.append(begun)
    state.outbox.append(events.of_pipeline(state, begun, "InProgress"))
    return begun


def _variables(state: PipelineState, given: Mapping[str, str]) -> dict[str, str]:
    declared = {variable.name: variable.default_value for variable in state.structure.variables}
    if unknown := sorted(set(given) - set(declared)):
        raise RefusedError("ValidationException", f"{state.name} has no variable {', '.join(unknown)}")
    values = {name: given.get(name, default) for name, default in declared.items()}
    if empty := sorted(name for name, value in values.items() if not value):
        raise RefusedError(
            "ValidationException", f"{', '.join(empty)} of {state.name} has neither a value nor a default"
        )
    return {name: str(value) for name, value in values.items()}


def decide(
    state: PipelineState, at: Moment, *, stage: str, action: str, token: str, approved: bool, summary: str, by: str
) -> float:
    """When the approval was given."""
    declared = state.structure.stage(stage)
    if declared is None:
        raise RefusedError("StageNotFoundException", f"{state.name} has no stage {stage}")
    if declared.action(action) is None:
        raise RefusedError("ActionNotFoundException", f"{stage} of {state.name} has no action {action}")
    runs = [run for _, run in state.runs() if (run.stage, run.action) == (stage, action)]
    open_ = next((run for run in runs if run.status == "InProgress"), None)
    if open_ is None and runs:
        raise RefusedError("ApprovalAlreadyCompletedException", f"{action} of {state.name} has been decided")
    if open_ is None or open_.token is None or open_.token != token:
        raise RefusedError("InvalidApprovalTokenException", f"{token} is not the token of the open approval")
    if approved:
        succeed(state, open_.id, at, summary=summary, by=by)
    else:
        fail(state, open_.id, at, code="Rejected", message=summary, summary=summary, by=by)
    return at.time


def answer(
    state: PipelineState,
    at: Moment,
    *,
    job: str,
    failure: str | None = None,
    continuation: str | None = None,
    pause: float = 0.0,
    summary: str = "",
    external_id: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """A function's result. With a continuation it is called again after `pause` seconds, under another job."""
    run = next((run for _, run in state.runs() if run.job == job and run.status == "InProgress"), None)
    if run is None:
        raise RefusedError("JobNotFoundException", f"no job {job} waits for a result")
    run.external_id = external_id or run.external_id
    if failure is not None:
        fail(state, run.id, at, code="JobFailed", message=failure)
    elif continuation:
        run.continuation, run.due, run.job = continuation, at.time + pause, at.fresh()
        run.summary = summary or run.summary
    else:
        succeed(state, run.id, at, summary=summary, variables=variables)


def stop(state: PipelineState, at: Moment, *, name: str, give_up: bool, reason: str) -> None:
    """Nothing further starts; what runs is waited for unless it is given up."""
    found = execution(state, name)
    if found.ended:
        raise RefusedError("PipelineExecutionNotStoppableException", f"{name} is {found.status}")
    if found.status == "Stopping" and not give_up:
        raise RefusedError("DuplicatedStopRequestException", f"{name} is being stopped")
    found.stop_reason = reason
    if found.status != "Stopping":
        found.status = "Stopping"
        state.outbox.append(events.of_pipeline(state, found, "Stopping"))
    if give_up:
        abandon(state, found, at)


def retry(state: PipelineState, at: Moment, *, name: str, stage: str, everything: bool) -> Execution:
    """The failed actions of a stage run again, or all of them, in the same execution."""
    found = execution(state, name)
    if found.status != "Failed" or found.stage != stage:
        raise RefusedError("StageNotRetryableException", f"{stage} has not failed in {name}")
    later = state.executions[state.executions.index(found) + 1 :]
    if any(stage in each.stages for each in later):
        raise RefusedError("NotLatestPipelineExecutionException", f"another execution has been in {stage} since")
    for run in found.current(stage).values():
        run.superseded = everything or run.status != "Succeeded"
    found.status, found.updated = "InProgress", at.time
    found.attempt += 1
    state.outbox.append(events.of_pipeline(state, found, "Resumed"))
    return found


def roll_back(state: PipelineState, at: Moment, *, stage: str, target: str, by: str) -> Execution:
    """A person's rollback names no failure."""
    found = execution(state, target)
    if state.structure.stage(stage) is None:
        raise RefusedError("StageNotFoundException", f"{state.name} has no stage {stage}")
    if found.version != state.version:
        raise RefusedError(
            "PipelineExecutionOutdatedException", f"{target} ran version {found.version} of {state.name}"
        )
    good = found.kind == "STANDARD" and found.stages.get(stage) == "Succeeded"
    if not good or stage == state.structure.stages[0].name:
        raise RefusedError("UnableToRollbackStageException", f"{stage} cannot go back to {target}")
    trigger = Trigger(type=rollback.MANUAL, detail=json.dumps(by)[1:-1])
    return rollback.repeat(state, found, stage, trigger, at)


def execution(state: PipelineState, name: str) -> Execution:
    """The execution with that id."""
    found = next((each for each in state.executions if each.id == name), None)
    if found is None:
        raise RefusedError("PipelineExecutionNotFoundException", f"{state.name} has no execution {name}")
    return found
