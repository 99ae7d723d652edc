"""Only an automatic rollback takes something back, and only what its failed execution released."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import undo
from ops.undo import Attempt, failed_attempt

EXECUTIONS: dict[str, dict[str, Any]] = {
    "good": {"trigger": {"triggerType": "StartPipelineExecution", "triggerDetail": "arn:aws:sts::111122223333:x"}},
    "another": {"trigger": {"triggerType": "WebhookV2", "triggerDetail": "..."}},
    "bad": {
        "trigger": {"triggerType": "WebhookV2", "triggerDetail": "..."},
        "variables": [
            {"name": "PROBLEM", "resolvedValue": "flights"},
            {"name": "REASON", "resolvedValue": "new data"},
        ],
    },
    "rollback": {
        "trigger": {
            "triggerType": "AutomatedRollback",
            "triggerDetail": json.dumps({"FailedPipelineExecutionId": "bad"}),
        },
        "executionType": "ROLLBACK",
        "rollbackMetadata": {"rollbackTargetPipelineExecutionId": "good"},
        "variables": [{"name": "PROBLEM", "resolvedValue": "insurance"}],
    },
    "by hand": {"trigger": {"triggerType": "ManualRollback", "triggerDetail": "{arn:aws:sts::111122223333:x}"}},
}


class Pipeline:
    """What CodePipeline answers about those executions."""

    def __init__(self, status: str = "InProgress") -> None:
        self.status = status

    def list_pipeline_executions(self, **asked: Any) -> Any:
        assert asked["pipelineName"] == "P"
        found = [{"pipelineExecutionId": name, "status": self.status, **given} for name, given in EXECUTIONS.items()]
        return {"pipelineExecutionSummaries": found}

    def get_pipeline_execution(self, **asked: str) -> Any:
        assert asked["pipelineName"] == "P"
        return {"pipelineExecution": EXECUTIONS[asked["pipelineExecutionId"]]}


@pytest.mark.parametrize("execution", ["rollback", "good"])
def test_an_automatic_rollback_names_the_failed_execution_by_its_own_id_or_its_targets(execution: str) -> None:
    assert failed_attempt(Pipeline(), "codepipeline/P", execution) == Attempt("flights", "codepipeline/P/bad")


def test_a_rollback_that_is_over_is_not_taken_for_this_execution() -> None:
    assert failed_attempt(Pipeline("Succeeded"), "codepipeline/P", "good") is None


@pytest.mark.parametrize("execution", ["another", "by hand"])
def test_an_execution_of_another_kind_takes_nothing_back(execution: str) -> None:
    assert failed_attempt(Pipeline(), "codepipeline/P", execution) is None


@pytest.mark.parametrize(("execution", "ran"), [("rollback", 1), ("another", 0)])
def test_the_command_rolls_back_only_what_the_failed_execution_released(
    execution: str, ran: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr("boto3.client", lambda _: Pipeline())
    monkeypatch.setattr(undo, "run", lambda command, **_: commands.append(command))
    done = CliRunner().invoke(undo.app, ["--initiator", "codepipeline/P", "--execution", execution])
    assert done.exit_code == 0, done.exception
    assert len(commands) == ran
    for command in commands:
        assert command[1:6] == ["-m", "ml.cli", "rollback", "flights", "--execution"]
        assert command[6] == "codepipeline/P/bad"
