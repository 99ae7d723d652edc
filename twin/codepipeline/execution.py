"""How executions move through a pipeline: pure, so that the same moves lead to the same end after any restart.

A stage holds one execution at a time; who comes later waits before it, in the order of the starts, and a rollback
goes before them all. Nothing here waits or calls: `advance` says what runs, `succeed` and `fail` say how it went.
"""

from __future__ import annotations

from collections.abc import Mapping

from twin.codepipeline import events
from twin.codepipeline.rollback import roll_back
from twin.codepipeline.state import Execution, Moment, PipelineState, Run, RunStatus, Status
from twin.codepipeline.structure import Action, Stage
from twin.codepipeline.variables import UnresolvedError, resolve


def advance(state: PipelineState, at: Moment, *, scale: float) -> None:
    """Let everything happen that can happen now. `scale` is how many seconds a minute of a timeout lasts."""
    while any(_move(state, execution, at, scale) for execution in state.executions if not execution.ended):
        pass


def succeed(
    state: PipelineState,
    run_id: str,
    at: Moment,
    *,
    summary: str = "",
    variables: Mapping[str, str] | None = None,
    by: str | None = None,
) -> None:
    """The action is done; what comes late, after a timeout or a stop, changes nothing."""
    execution, run = _running(state, run_id)
    if run is None or execution is None:
        return
    run.variables = dict(variables or {})
    run.summary, run.by = summary or run.summary, by
    stage = state.versions[execution.version].stage(run.stage)
    action = stage.action(run.action) if stage else None
    if action and action.namespace:
        execution.namespaces[action.namespace] = run.variables
    execution.artifacts |= run.outputs
    _close(state, execution, run, "Succeeded", at)


def fail(
    state: PipelineState, run_id: str, at: Moment, *, code: str, message: str, summary: str = "", by: str | None = None
) -> None:
    execution, run = _running(state, run_id)
    if run is None or execution is None:
        return
    run.error, run.by = (code, message), by
    run.summary = summary or run.summary
    _close(state, execution, run, "Failed", at)


def expire(state: PipelineState, at: Moment) -> None:
    """Fail what has taken longer than its action allows."""
    for _, run in state.runs():
        if run.status == "InProgress" and run.expires is not None and run.expires <= at.time:
            fail(state, run.id, at, code="JobFailed", message="The action timed out", summary="The action timed out")


def finish(state: PipelineState, execution: Execution, status: Status, at: Moment) -> None:
    """The execution's end."""
    execution.status, execution.updated, execution.entered = status, at.time, False
    state.outbox.append(events.of_pipeline(state, execution, status))


def abandon(state: PipelineState, execution: Execution, at: Moment) -> None:
    """Give up what it runs."""
    for run in execution.runs:
        if run.status == "InProgress":
            _close(state, execution, run, "Abandoned", at)


def _move(state: PipelineState, execution: Execution, at: Moment, scale: float) -> bool:
    """One step of one execution; whether there was one."""
    if not execution.entered:
        if execution.status == "Stopping":
            finish(state, execution, "Stopped", at)
            return True
        return _enter(state, execution, at)
    stage = state.versions[execution.version].stage(execution.stage)
    assert stage is not None
    runs = execution.current(stage.name)
    if any(run.status == "InProgress" for run in runs.values()):
        return False
    if any(run.status == "Failed" for run in runs.values()):
        _fail_stage(state, execution, stage, at)
        return True
    missing = next((group for group in stage.orders if any(action.name not in runs for action in group)), None)
    if execution.status == "Stopping":
        done = missing is None and all(run.status == "Succeeded" for run in runs.values())
        _leave(state, execution, "Succeeded" if done else "Stopped", at)
        finish(state, execution, "Stopped", at)
    elif missing is None:
        _complete_stage(state, execution, at)
    else:
        for action in missing:
            if action.name not in runs:
                _start(state, execution, stage, action, at, scale)
    return True


def _enter(state: PipelineState, execution: Execution, at: Moment) -> bool:
    here = [each for each in state.executions if each.stage == execution.stage and not each.ended]
    queue = sorted((each for each in here if not each.entered), key=lambda each: each.kind != "ROLLBACK")
    if any(each.entered for each in here) or queue[0] is not execution:
        return False
    execution.entered, execution.updated = True, at.time
    known = execution.stage in execution.stages
    execution.stages[execution.stage] = "InProgress"
    told = "Resumed" if known else "InProgress"
    state.outbox.append(events.of_stage(state, execution, execution.stage, told, at.time))
    return True


def _start(state: PipelineState, execution: Execution, stage: Stage, action: Action, at: Moment, scale: float) -> None:
    structure = state.versions[execution.version]
    run = Run(id=at.fresh(), stage=stage.name, action=action.name, started=at.time, updated=at.time)
    run.expires = at.time + action.minutes * scale if action.minutes else None
    run.outputs = {each.name: _key(structure.name, each.name, run.id) for each in action.output_artifacts}
    execution.runs.append(run)
    state.outbox.append(events.of_action(state, execution, run))
    namespaces = {
        **execution.namespaces,
        "variables": execution.variables,
        "codepipeline": {"PipelineExecutionId": execution.id},
    }
    try:
        run.configuration = {name: resolve(text, namespaces) for name, text in action.configuration.items()}
        run.inputs = {each.name: execution.artifacts[each.name] for each in action.input_artifacts}
    except UnresolvedError as reference:
        message = f"The variable {reference} could not be resolved: no action before this one gave it a value"
        fail(state, run.id, at, code="ConfigurationError", message=message)
    except KeyError as name:
        fail(state, run.id, at, code="ConfigurationError", message=f"There is no artifact {name} in this execution")


def _key(pipeline: str, artifact: str, run: str) -> str:
    """The shape that AWS gives a key, cut as AWS cuts it."""
    return f"{pipeline[:20]}/{artifact[:10]}/{run.replace('-', '')[:7]}"


def _complete_stage(state: PipelineState, execution: Execution, at: Moment) -> None:
    done = execution.stage
    _leave(state, execution, "Succeeded", at)
    following = None if execution.kind == "ROLLBACK" else state.versions[execution.version].after(done)
    if following is None:
        finish(state, execution, "Succeeded", at)
    else:
        execution.stage = following


def _fail_stage(state: PipelineState, execution: Execution, stage: Stage, at: Moment) -> None:
    _leave(state, execution, "Failed", at)
    stopping = execution.status == "Stopping"
    finish(state, execution, "Failed", at)
    if stage.on_failure and execution.kind == "STANDARD" and not stopping:
        roll_back(state, execution, stage.name, at)


def _leave(state: PipelineState, execution: Execution, status: Status, at: Moment) -> None:
    execution.stages[execution.stage] = status
    execution.entered, execution.updated = False, at.time
    state.outbox.append(events.of_stage(state, execution, execution.stage, status, at.time))


def _running(state: PipelineState, run_id: str) -> tuple[Execution | None, Run | None]:
    found = state.find(run_id)
    return found if found is not None and found[1].status == "InProgress" else (None, None)


def _close(state: PipelineState, execution: Execution, run: Run, status: RunStatus, at: Moment) -> None:
    run.status = status
    run.updated = execution.updated = at.time
    run.token = run.job = None
    state.outbox.append(events.of_action(state, execution, run))
