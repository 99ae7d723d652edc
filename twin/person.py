"""What a person does to a twin: brings data, answers the pipeline's question, kills a process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twin import processes
from twin.cloud import Cloud
from twin.folder import Twin, TwinError

STORAGE = "-Storage"
RAW = "RawBucket"


@dataclass(frozen=True)
class Brought:
    """An object that was put where data arrive."""

    bucket: str
    key: str
    version: str


@dataclass(frozen=True)
class Question:
    """An approval that waits for a person."""

    pipeline: str
    execution: str
    stage: str
    action: str
    token: str
    link: str
    """To the report of this execution."""


def bring(cloud: Cloud, file: Path, problem: str) -> Brought:
    """Put the file into the raw bucket, under its problem. Raises TwinError."""
    if not file.is_file():
        raise TwinError(f"there is no file {file}")
    buckets = [cloud.outputs(name)[RAW] for name in cloud.stacks() if name.endswith(STORAGE)]
    if len(buckets) != 1:
        raise TwinError(f"{len(buckets)} stacks of this twin hold a raw bucket: deploy one environment first")
    key = f"{problem}/{file.name}"
    answer = cloud.client("s3").put_object(Bucket=buckets[0], Key=key, Body=file.read_bytes())
    return Brought(buckets[0], key, str(answer["VersionId"]))


def questions(cloud: Cloud) -> Iterator[Question]:
    """Of all pipelines."""
    client = cloud.client("codepipeline")
    for pipeline in client.list_pipelines()["pipelines"]:
        for stage in client.get_pipeline_state(name=pipeline["name"])["stageStates"]:
            for action in stage["actionStates"]:
                latest = action.get("latestExecution", {})
                if latest.get("status") == "InProgress" and latest.get("token"):
                    yield Question(
                        pipeline=pipeline["name"],
                        execution=stage["latestExecution"]["pipelineExecutionId"],
                        stage=stage["stageName"],
                        action=action["actionName"],
                        token=latest["token"],
                        link=latest.get("externalExecutionUrl") or action.get("entityUrl", ""),
                    )


def answer(cloud: Cloud, *, approve: bool, reason: str) -> Question:
    """Answer the approval that waits. Raises TwinError when there is none."""
    question = next(questions(cloud), None)
    if question is None:
        raise TwinError("no approval waits; `python -m twin status` shows where the pipeline stands")
    decide(cloud, question, approve=approve, reason=reason)
    return question


def decide(cloud: Cloud, question: Question, *, approve: bool, reason: str) -> None:
    cloud.client("codepipeline").put_approval_result(
        pipelineName=question.pipeline,
        stageName=question.stage,
        actionName=question.action,
        token=question.token,
        result={"status": "Approved" if approve else "Rejected", "summary": reason},
    )


def kill(twin: Twin, what: str) -> list[processes.Record]:
    """End processes as a failing host does: those with that word in their name, such as mlflow or codepipeline.

    Raises TwinError when none is called so.
    """
    found = list(processes.running(twin.folder))
    meant = [record for record in found if what.lower() in record.name.lower().split("-")]
    if not meant:
        raise TwinError(f"nothing that runs is called {what}; these run: {', '.join(record.name for record in found)}")
    for record in meant:
        if record.runs:
            os.kill(record.pid, signal.SIGKILL)
    return meant
