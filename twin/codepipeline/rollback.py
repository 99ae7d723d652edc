"""Going back: a stage of the last good execution runs again, as an execution of its own."""

from __future__ import annotations

import json

from twin.codepipeline import events
from twin.codepipeline.state import Execution, Moment, PipelineState, Trigger

AUTOMATED, MANUAL = "AutomatedRollback", "ManualRollback"


def roll_back(state: PipelineState, failed: Execution, stage: str, at: Moment) -> None:
    """What follows a failed stage that asks for it; where nothing ever succeeded there, nothing does."""
    target = _last_good(state, failed, stage)
    if target is not None:
        detail = json.dumps({"FailedPipelineExecutionId": failed.id})
        repeat(state, target, stage, Trigger(type=AUTOMATED, detail=detail), at)


def repeat(state: PipelineState, target: Execution, stage: str, trigger: Trigger, at: Moment) -> Execution:
    """An execution of that one stage, with the variables, outputs and artifacts of `target`."""
    execution = Execution(
        id=at.fresh(),
        version=target.version,
        kind="ROLLBACK",
        trigger=trigger,
        target=target.id,
        variables=dict(target.variables),
        started=at.time,
        updated=at.time,
        stage=stage,
        namespaces={name: dict(values) for name, values in target.namespaces.items()},
        artifacts=dict(target.artifacts),
        revisions=dict(target.revisions),
    )
    state.executions.append(execution)
    state.outbox.append(events.of_pipeline(state, execution, "InProgress"))
    return execution


def _last_good(state: PipelineState, failed: Execution, stage: str) -> Execution | None:
    """AWS goes back within one version of the structure, and never to a rollback."""
    return next(
        (
            each
            for each in reversed(state.executions)
            if each.kind == "STANDARD" and each.version == failed.version and each.stages.get(stage) == "Succeeded"
        ),
        None,
    )
