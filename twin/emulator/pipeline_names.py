"""A pipeline in the words of a template, of the API and of IAM: pure."""

from __future__ import annotations

from typing import Any

from twin.folder import ACCOUNT, REGION

AS_IT_IS = "Configuration"
"""Its keys are the provider's own."""
OF_THE_TEMPLATE = ("Name", "Tags", "RestartExecutionOnUpdate")
"""What the declaration of a pipeline does not have; its name is given apart."""
STAGES = frozenset({"RetryStageExecution", "RollbackStage"})
NO_RESOURCE = frozenset({"PutJobSuccessResult", "PutJobFailureResult", "ListPipelines"})


def declaration(properties: dict[str, Any], name: str) -> dict[str, Any]:
    """What CreatePipeline takes."""
    kept = {key: value for key, value in properties.items() if key not in OF_THE_TEMPLATE}
    return {"name": name, **_lowered(kept)}


def _lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [_lowered(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key[:1].lower() + key[1:]: _texts(below) if key == AS_IT_IS else _lowered(below) for key, below in value.items()
    }


def _texts(configuration: dict[str, Any]) -> dict[str, str]:
    """A template may give a boolean, the API knows texts."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in configuration.items()}


def resource(operation: str, asked: dict[str, Any]) -> str:
    """The ARN that IAM is asked about: the action of an approval, the stage of a rollback, else the pipeline."""
    if operation in NO_RESOURCE:
        return "*"
    name = asked.get("pipelineName") or asked.get("name") or asked.get("pipeline", {}).get("name", "")
    words = [name]
    if operation in STAGES or operation == "PutApprovalResult":
        words.append(asked.get("stageName", ""))
    if operation == "PutApprovalResult":
        words.append(asked.get("actionName", ""))
    return f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{'/'.join(words)}"
