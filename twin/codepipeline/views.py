"""The state in the shapes of CodePipeline's API."""

from __future__ import annotations

from typing import Any

from twin.codepipeline.state import Execution, PipelineState, Run
from twin.codepipeline.structure import Action, Stage

MODE = "QUEUED"


def listed(state: PipelineState) -> dict[str, Any]:
    """An entry of ListPipelines."""
    return {
        "name": state.name,
        "version": state.version,
        "pipelineType": state.structure.pipeline_type,
        "executionMode": MODE,
        "created": state.created,
        "updated": state.updated,
    }


def summary(execution: Execution) -> dict[str, Any]:
    """An entry of ListPipelineExecutions."""
    revisions = [{"actionName": action, **revision} for action, revision in execution.revisions.items()]
    told = {**_common(execution), "startTime": execution.started, "lastUpdateTime": execution.updated}
    if execution.stop_reason:
        told["stopTrigger"] = {"reason": execution.stop_reason}
    return told | {"sourceRevisions": revisions}


def execution(state: PipelineState, found: Execution) -> dict[str, Any]:
    """What GetPipelineExecution answers."""
    variables = [{"name": name, "resolvedValue": value} for name, value in found.variables.items()]
    sources = {
        action.name: [artifact.name for artifact in action.output_artifacts]
        for action in state.versions[found.version].stages[0].actions
    }
    revisions = [
        {"name": name, **revision} for action, revision in found.revisions.items() for name in sources.get(action, [])
    ]
    named = {"pipelineName": state.name, "pipelineVersion": found.version}
    return {**named, **_common(found), "artifactRevisions": revisions, "variables": variables}


def _common(execution: Execution) -> dict[str, Any]:
    told: dict[str, Any] = {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "trigger": {"triggerType": execution.trigger.type, "triggerDetail": execution.trigger.detail},
        "executionMode": MODE,
        "executionType": execution.kind,
    }
    if execution.target:
        told["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": execution.target}
    return told


def pipeline_state(state: PipelineState) -> dict[str, Any]:
    """What GetPipelineState answers."""
    return {
        "pipelineName": state.name,
        "pipelineVersion": state.version,
        "stageStates": [_stage(state, stage) for stage in state.structure.stages],
        "created": state.created,
        "updated": state.updated,
    }


def _stage(state: PipelineState, stage: Stage) -> dict[str, Any]:
    waiting = [
        {"pipelineExecutionId": each.id, "status": "InProgress", "type": each.kind}
        for each in state.executions
        if each.stage == stage.name and not each.entered and not each.ended
    ]
    told: dict[str, Any] = {
        "stageName": stage.name,
        "inboundTransitionState": {"enabled": True},
        "inboundExecutions": waiting,
        "actionStates": [_action(state, stage, action) for action in stage.actions],
    }
    if waiting:
        told["inboundExecution"] = waiting[0]
    been = [each for each in state.executions if stage.name in each.stages]
    if been:
        latest = max(been, key=lambda each: max(run.started for run in each.runs if run.stage == stage.name))
        told["latestExecution"] = {
            "pipelineExecutionId": latest.id,
            "status": latest.stages[stage.name],
            "type": latest.kind,
        }
    return told


def _action(state: PipelineState, stage: Stage, action: Action) -> dict[str, Any]:
    runs = [run for _, run in state.runs() if (run.stage, run.action) == (stage.name, action.name)]
    told: dict[str, Any] = {"actionName": action.name}
    if not runs:
        return told
    run = max(runs, key=lambda each: each.started)
    if link := run.configuration.get("ExternalEntityLink"):
        told["entityUrl"] = link
    latest = {
        "actionExecutionId": run.id,
        "status": run.status,
        "summary": run.summary,
        "lastStatusChange": run.updated,
        "token": run.token,
        "lastUpdatedBy": run.by,
        "externalExecutionId": run.external_id,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
    }
    return told | {"latestExecution": {name: value for name, value in latest.items() if value}}


def action_execution(state: PipelineState, execution: Execution, run: Run) -> dict[str, Any]:
    """An entry of ListActionExecutions."""
    structure = state.versions[execution.version]
    stage = structure.stage(run.stage)
    action = stage.action(run.action) if stage else None
    assert action is not None
    bucket = structure.artifact_store.location
    result = {
        "externalExecutionId": run.external_id,
        "externalExecutionSummary": run.summary,
        "externalExecutionUrl": run.external_url,
        "errorDetails": _error(run),
    }
    given = {
        "actionTypeId": action.action_type_id.model_dump(),
        "configuration": action.configuration,
        "resolvedConfiguration": run.configuration,
        "roleArn": action.role_arn,
        "region": state.arn.split(":")[3],
        "inputArtifacts": _artifacts(bucket, run.inputs),
        "namespace": action.namespace,
    }
    return {
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.version,
        "stageName": run.stage,
        "actionName": run.action,
        "startTime": run.started,
        "lastUpdateTime": run.updated,
        "status": run.status,
        **({"updatedBy": run.by} if run.by else {}),
        "input": {name: value for name, value in given.items() if value is not None},
        "output": {
            "outputArtifacts": _artifacts(bucket, run.outputs) if run.status == "Succeeded" else [],
            "executionResult": {name: value for name, value in result.items() if value},
            "outputVariables": run.variables,
        },
    }


def _error(run: Run) -> dict[str, str] | None:
    return {"code": run.error[0], "message": run.error[1]} if run.error else None


def _artifacts(bucket: str, keys: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "s3location": {"bucket": bucket, "key": key}} for name, key in keys.items()]
