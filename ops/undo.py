"""Take back what a failed release did, before the last good one is repeated.

When a stage fails, CodePipeline repeats its last good execution. One pipeline serves several problems, so that one may
have released another problem: repeating it would leave the failed model in place.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from subprocess import run
from typing import Annotated, Any

import typer

MENDABLE = 2
AUTOMATED, MANUAL = "AutomatedRollback", "ManualRollback"
FAILED = "FailedPipelineExecutionId"
RECENT = 100
"""Executions to look among; one that runs is of the newest."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Attempt:
    """A failed execution, by the name under which it releases, and the problem that it was about."""

    problem: str
    execution: str


def failed_attempt(codepipeline: Any, initiator: str, execution: str) -> Attempt | None:
    """What the execution that this one rolls back was about; None for an execution of another kind.

    `initiator` is what CodeBuild calls a pipeline: `codepipeline/NAME`. A rollback that a person starts names no
    failure: that person decides what else to take back.
    """
    pipeline = initiator.partition("/")[2]
    trigger = running_rollback(codepipeline, pipeline, execution)
    if trigger is None or trigger["triggerType"] != AUTOMATED:
        return None
    failed = json.loads(trigger["triggerDetail"])[FAILED]
    answer = codepipeline.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=failed)
    variables = answer["pipelineExecution"]["variables"]
    problem = next(each["resolvedValue"] for each in variables if each["name"] == "PROBLEM")
    return Attempt(problem, f"{initiator}/{failed}")


def running_rollback(codepipeline: Any, pipeline: str, execution: str) -> dict[str, str] | None:
    """What triggered the rollback that runs now, if one does: CodePipeline itself, or a person.

    A rollback works with the variables of the execution that it goes back to, so `execution` may be the id of either.
    """
    recent = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=RECENT)
    for each in recent["pipelineExecutionSummaries"]:
        target = each.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId")
        if (
            each["status"] == "InProgress"
            and each.get("trigger", {}).get("triggerType") in {AUTOMATED, MANUAL}
            and execution in {each["pipelineExecutionId"], target}
        ):
            trigger: dict[str, str] = each["trigger"]
            return trigger
    return None


def take_back(attempt: Attempt) -> None:
    """Roll the problem back if the failed execution made its champion. That it did not is told and is no failure."""
    command = ["-m", "ml.cli", "rollback", attempt.problem, "--execution", attempt.execution]
    run([sys.executable, *command, "--reason", "its release failed"], check=False)


@app.command()
def main(
    initiator: Annotated[str, typer.Option(help="Who started this job: codepipeline/NAME.")],
    execution: Annotated[str, typer.Option(help="The id of the execution that runs now.")],
) -> None:
    """If this execution is an automatic rollback, take back what the failed one released."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        attempt = failed_attempt(boto3.client("codepipeline"), initiator, execution)
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"error: {initiator}: {error}\n")
        raise typer.Exit(MENDABLE) from None
    if attempt is None:
        sys.stderr.write("nothing to take back: no release has failed\n")
        return
    sys.stderr.write(f"a release of {attempt.problem} failed\n")
    take_back(attempt)


if __name__ == "__main__":
    app()
