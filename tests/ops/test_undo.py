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

    def get_pipeline_execution(self, **asked: str) -> Any:
        assert asked["pipelineName"] == "P"
        return {"pipelineExecution": EXECUTIONS[asked["pipelineExecutionId"]]}


def test_an_automatic_rollback_names_the_failed_execution_and_not_its_own_problem() -> None:
    assert failed_attempt(Pipeline(), "codepipeline/P", "rollback") == Attempt("flights", "codepipeline/P/bad")


@pytest.mark.parametrize("execution", ["good", "by hand"])
def test_an_execution_of_another_kind_takes_nothing_back(execution: str) -> None:
    assert failed_attempt(Pipeline(), "codepipeline/P", execution) is None


@pytest.mark.parametrize(("execution", "ran"), [("rollback", 1), ("good", 0)])
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
        assert command[1:6] == ["-m", "ml.cli", "rollback", "flights", "--released-by"]
        assert command[6] == "codepipeline/P/bad"
