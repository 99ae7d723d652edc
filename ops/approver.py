"""Who said yes to the release that runs now, and in which words: the principal of the approval, as AWS recorded it.

CodePipeline knows it by the credentials of whoever answered; nothing that a job is told could claim to be another.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from ops.undo import AUTOMATED, FAILED, MENDABLE, running_rollback

SILENT = "approved without a word"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class UnapprovedError(Exception):
    """Nobody answers for this release; the message says what was looked for."""


@dataclass(frozen=True)
class Approval:
    """`by`: the ARN of a principal, or the rollback that repeats an earlier release. `why`: that person's words."""

    by: str
    why: str


def approval(codepipeline: Any, initiator: str, execution: str) -> Approval:
    """Of the execution that runs now; `initiator` is what CodeBuild calls a pipeline, `codepipeline/NAME`.

    A rollback asks nobody: what it restores was approved when it was released. Raises UnapprovedError.
    """
    pipeline = initiator.partition("/")[2]
    if trigger := running_rollback(codepipeline, pipeline, execution):
        return Approval(f"rollback of {pipeline}", _cause(trigger))
    given = max(_approvals(codepipeline, pipeline, execution), key=lambda each: each["lastUpdateTime"], default=None)
    if given is None:
        raise UnapprovedError(f"execution {execution} of {pipeline} has no approval on record; nothing is released")
    if not given.get("updatedBy"):
        raise UnapprovedError(f"CodePipeline does not say who approved execution {execution} of {pipeline}")
    said = given.get("output", {}).get("executionResult", {}).get("externalExecutionSummary", "")
    return Approval(str(given["updatedBy"]), said.strip() or SILENT)


def _cause(trigger: Mapping[str, str]) -> str:
    detail = trigger.get("triggerDetail", "")
    if trigger["triggerType"] != AUTOMATED:
        return f"the rollback was started by {detail}"
    return f"the release of execution {json.loads(detail)[FAILED]} failed"


def _approvals(codepipeline: Any, pipeline: str, execution: str) -> Iterator[Mapping[str, Any]]:
    """Granted ones; there are several where the stage was tried again."""
    pages = codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )
    for page in pages:
        for each in page["actionExecutionDetails"]:
            if each["input"]["actionTypeId"]["category"] == "Approval" and each["status"] == "Succeeded":
                yield each


@app.command(epilog="Exit codes: 0 printed, 2 nobody answers for this release.")
def main(
    initiator: Annotated[str, typer.Option(help="Who started this job: codepipeline/NAME.")],
    execution: Annotated[str, typer.Option(help="The id of the execution that runs now.")],
) -> None:
    """Print who approved this execution and why, as JSON: a person's words must never be read as commands."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        given = approval(boto3.client("codepipeline"), initiator, execution)
    except (UnapprovedError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(MENDABLE) from None
    sys.stdout.write(json.dumps(asdict(given)) + "\n")


if __name__ == "__main__":
    app()
