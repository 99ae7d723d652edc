"""Whoever answered the pipeline's question is who a release is recorded under, as the job asks CodePipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import approver
from ops.approver import SILENT, Approval, UnapprovedError, approval
from tests.twin.codepipeline_service import Service
from tests.twin.pipelines import declaration

ADA = "arn:aws:sts::000000000000:assumed-role/Approvers/ada"
WORDS = "fine; $(touch /tmp/x) `id` \"quoted\" 'too'\n--help"
QUESTION = {"pipelineName": "P", "stageName": "Approve", "actionName": "Approve", "token": "asked"}


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path / "codepipeline")


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    with service.client() as client:
        client.create_pipeline(pipeline=declaration())
        yield client


def newest(client: Any) -> str:
    return str(
        client.list_pipeline_executions(pipelineName="P")["pipelineExecutionSummaries"][0]["pipelineExecutionId"]
    )


def approved(service: Service, said: str, by: str = ADA) -> None:
    """The running execution, as far as its release."""
    service.end()
    service.end(VERSION="7")
    service.ask("asked")
    with service.client(by=by) as person:
        person.put_approval_result(**QUESTION, result={"status": "Approved", "summary": said})


def test_the_approver_is_the_principal_that_answered_in_this_execution(client: Any, service: Service) -> None:
    approved(service, "better on every count")
    assert approval(client, "codepipeline/P", newest(client)) == Approval(ADA, "better on every count")


def test_the_answer_to_another_execution_does_not_count(client: Any, service: Service) -> None:
    approved(service, "better on every count")
    another = client.start_pipeline_execution(name="P")["pipelineExecutionId"]
    with pytest.raises(UnapprovedError, match="no approval on record"):
        approval(client, "codepipeline/P", another)


def test_a_question_that_is_open_is_no_approval(client: Any, service: Service) -> None:
    service.end()
    service.end(VERSION="7")
    service.ask("asked")
    with pytest.raises(UnapprovedError, match="no approval on record"):
        approval(client, "codepipeline/P", newest(client))


def test_whoever_says_nothing_has_said_nothing(client: Any, service: Service) -> None:
    approved(service, "  ")
    assert approval(client, "codepipeline/P", newest(client)).why == SILENT


def test_a_rollback_names_the_pipeline_and_the_release_that_failed(client: Any, service: Service) -> None:
    approved(service, "fine")
    for _ in range(3):
        service.end()
    good = newest(client)
    bad = client.start_pipeline_execution(name="P")["pipelineExecutionId"]
    approved(service, "fine too")
    service.end()
    service.end()
    service.fail()
    assert newest(client) not in {good, bad}
    for execution in (newest(client), good):
        given = approval(client, "codepipeline/P", execution)
        assert given == Approval("rollback of P", f"the release of execution {bad} failed")


def test_a_rollback_that_a_person_starts_names_that_person(client: Any, service: Service) -> None:
    approved(service, "fine")
    for _ in range(3):
        service.end()
    good = newest(client)
    with service.client(by=ADA) as person:
        asked = {"pipelineName": "P", "stageName": "Release", "targetPipelineExecutionId": good}
        back = person.rollback_stage(**asked)["pipelineExecutionId"]
    given = approval(client, "codepipeline/P", back)
    assert given.by == "rollback of P"
    assert ADA in given.why


def test_a_persons_words_come_out_as_data(
    client: Any, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    approved(service, WORDS)
    monkeypatch.setattr("boto3.client", lambda _: client)
    asked = ["--initiator", "codepipeline/P", "--execution", newest(client)]
    done = CliRunner().invoke(approver.app, asked)
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout) == {"by": ADA, "why": WORDS}
    assert len(done.stdout.splitlines()) == 1


def test_a_release_that_nobody_approved_ends_in_a_sentence(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.client", lambda _: client)
    done = CliRunner().invoke(approver.app, ["--initiator", "codepipeline/P", "--execution", newest(client)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nothing is released" in done.stderr
