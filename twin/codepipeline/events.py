"""What CodePipeline tells EventBridge of a change of state, in AWS's shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twin.codepipeline.state import Execution, PipelineState, Run

STATES = {"InProgress": "STARTED", "Abandoned": "ABANDONED"}
FORMAT = "%Y-%m-%dT%H:%M:%S.%f"


def of_pipeline(state: PipelineState, execution: Execution, status: str) -> dict[str, Any]:
    trigger = {"trigger-type": execution.trigger.type, "trigger-detail": execution.trigger.detail}
    detail = {"pipeline-execution-attempt": execution.attempt, "execution-trigger": trigger}
    return _event("Pipeline", state, execution, status, execution.started, detail)


def of_stage(state: PipelineState, execution: Execution, stage: str, status: str, time: float) -> dict[str, Any]:
    detail: dict[str, Any] = {"stage": stage}
    failed = [run for run in execution.current(stage).values() if run.status == "Failed"]
    if status == "Failed" and failed:
        said = [{"action": run.action, "additionalInformation": _said(run)} for run in failed]
        detail["failed-actions"] = said
    return _event("Stage", state, execution, status, time, detail)


def of_action(state: PipelineState, execution: Execution, run: Run) -> dict[str, Any]:
    structure = state.versions[execution.version]
    stage = structure.stage(run.stage)
    action = stage.action(run.action) if stage else None
    detail: dict[str, Any] = {
        "stage": run.stage,
        "action": run.action,
        "action-execution-id": run.id,
        "region": state.arn.split(":")[3],
        "type": action.action_type_id.model_dump() if action else {},
        "input-artifacts": _artifacts(structure.artifact_store.location, run.inputs),
        "output-artifacts": _artifacts(structure.artifact_store.location, run.outputs),
    }
    if run.status != "InProgress":
        result = {
            "external-execution-url": run.external_url,
            "external-execution-id": run.external_id,
            "external-execution-summary": _said(run),
            "error-code": run.error[0] if run.error else None,
        }
        detail["execution-result"] = {name: value for name, value in result.items() if value}
    return _event("Action", state, execution, run.status, run.started, detail)


def _said(run: Run) -> str:
    return run.error[1] if run.error else run.summary


def _artifacts(bucket: str, keys: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "s3location": {"bucket": bucket, "key": key}} for name, key in keys.items()]


def _event(
    what: str, state: PipelineState, execution: Execution, status: str, began: float, detail: dict[str, Any]
) -> dict[str, Any]:
    """What `POST /_twin/events` takes."""
    common = {
        "pipeline": state.name,
        "execution-id": execution.id,
        "start-time": datetime.fromtimestamp(began, UTC).strftime(FORMAT)[:-3] + "Z",
        "state": STATES.get(status, status.upper()),
        "version": execution.version,
    }
    return {
        "source": "aws.codepipeline",
        "detail-type": f"CodePipeline {what} Execution State Change",
        "resources": [state.arn],
        "detail": common | detail,
    }
