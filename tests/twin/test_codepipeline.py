"""The API answers as AWS's own client library expects, and what it was told outlives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.twin.codepipeline_service import ME, Service
from tests.twin.pipelines import declaration


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path / "codepipeline")


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    with service.client() as client:
        client.create_pipeline(pipeline=declaration())
        yield client


def _refusal(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**asked)
    return str(refused.value.response["Error"]["Code"])


def test_a_new_pipeline_runs_once(client: Any) -> None:
    (first,) = client.list_pipeline_executions(pipelineName="P")["pipelineExecutionSummaries"]
    assert first["trigger"] == {"triggerType": "CreatePipeline", "triggerDetail": ME}
    assert (first["status"], first["executionMode"], first["executionType"]) == ("InProgress", "QUEUED", "STANDARD")


def test_a_start_is_repeated_by_its_token_and_refused_for_an_unknown_variable(client: Any) -> None:
    asked = {"name": "P", "clientRequestToken": "once", "variables": [{"name": "PROBLEM", "value": "housing"}]}
    started = {client.start_pipeline_execution(**asked)["pipelineExecutionId"] for _ in range(3)}
    assert len(started) == 1
    told = client.get_pipeline_execution(pipelineName="P", pipelineExecutionId=started.pop())["pipelineExecution"]
    assert told["variables"] == [{"name": "PROBLEM", "resolvedValue": "housing"}]
    unknown = [{"name": "COLOUR", "value": "red"}]
    assert _refusal(client.start_pipeline_execution, name="P", variables=unknown) == "ValidationException"


def test_a_state_names_the_step_its_token_and_who_waits(client: Any, service: Service) -> None:
    waiting = client.start_pipeline_execution(name="P")["pipelineExecutionId"]
    service.end()
    service.end(VERSION="7")
    with service.store.change("P") as state:
        _, run = state.runs()[2]
        run.token = "asked"
    stages = {stage["stageName"]: stage for stage in client.get_pipeline_state(name="P")["stageStates"]}
    (approve,) = stages["Approve"]["actionStates"]
    assert approve["latestExecution"]["token"] == "asked"
    assert approve["latestExecution"]["status"] == "InProgress"
    assert stages["Source"]["latestExecution"] == {
        "pipelineExecutionId": waiting,
        "status": "InProgress",
        "type": "STANDARD",
    }
    assert stages["Train"]["inboundExecutions"] == []
    result = {"summary": "fine", "status": "Approved"}
    given = {"pipelineName": "P", "stageName": "Approve", "actionName": "Approve", "result": result}
    assert _refusal(client.put_approval_result, token="guessed", **given) == "InvalidApprovalTokenException"
    assert client.put_approval_result(token="asked", **given)["approvedAt"]
    assert _refusal(client.put_approval_result, token="asked", **given) == "ApprovalAlreadyCompletedException"
    (first, *_) = client.list_action_executions(pipelineName="P", maxResults=1)["actionExecutionDetails"]
    assert first["input"]["actionTypeId"]["category"] in {"Build", "Source"}


def test_a_failed_step_says_why_and_its_rollback_is_recognisable(client: Any, service: Service) -> None:
    for _ in range(6):
        service.end(VERSION="1")
    good = client.list_pipeline_executions(pipelineName="P")["pipelineExecutionSummaries"][0]
    assert good["status"] == "Succeeded"
    bad = client.start_pipeline_execution(name="P")["pipelineExecutionId"]
    for _ in range(5):
        service.end(VERSION="2")
    service.fail()
    back, failed = client.list_pipeline_executions(pipelineName="P", maxResults=2)["pipelineExecutionSummaries"]
    assert (failed["pipelineExecutionId"], failed["status"]) == (bad, "Failed")
    assert back["trigger"]["triggerType"] == "AutomatedRollback"
    assert back["trigger"]["triggerDetail"] == f'{{"FailedPipelineExecutionId": "{bad}"}}'
    assert back["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good["pipelineExecutionId"]}
    asked = {"pipelineName": "P", "filter": {"pipelineExecutionId": bad}}
    verify = client.list_action_executions(**asked)["actionExecutionDetails"][0]
    assert verify["output"]["executionResult"]["errorDetails"] == {"code": "JobFailed", "message": "it broke"}
    told = client.get_pipeline_execution(pipelineName="P", pipelineExecutionId=back["pipelineExecutionId"])
    assert told["pipelineExecution"]["executionType"] == "ROLLBACK"


def test_pages_follow_each_other(client: Any) -> None:
    for _ in range(4):
        client.start_pipeline_execution(name="P")
    pages = client.get_paginator("list_pipeline_executions").paginate(
        pipelineName="P", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["pipelineExecutionSummaries"]) for page in pages] == [2, 2, 1]


def test_what_was_told_outlives_the_process(client: Any, service: Service) -> None:
    service.end()
    before = client.get_pipeline_state(name="P")["stageStates"]
    restarted = Service(service.store._folder)
    with restarted.client() as again:
        assert again.get_pipeline_state(name="P")["stageStates"] == before
        assert restarted.store.get("P").outbox == service.store.get("P").outbox


def test_an_update_is_a_new_version_and_what_the_twin_does_not_know_is_refused(client: Any) -> None:
    assert client.update_pipeline(pipeline=declaration())["pipeline"]["version"] == 2
    strange = declaration()
    strange["stages"][3]["onFailure"] = {"result": "RETRY"}
    assert _refusal(client.update_pipeline, pipeline=strange) == "InvalidStructureException"


def test_errors_have_the_names_that_aws_gives_them(client: Any) -> None:
    nobody = {"pipelineName": "Q", "pipelineExecutionId": "00000000-0000-0000-0000-000000000000"}
    assert _refusal(client.get_pipeline_state, name="Q") == "PipelineNotFoundException"
    assert _refusal(client.get_pipeline_execution, **nobody) == "PipelineNotFoundException"
    missing = nobody | {"pipelineName": "P"}
    assert _refusal(client.get_pipeline_execution, **missing) == "PipelineExecutionNotFoundException"
    assert _refusal(client.put_job_success_result, jobId=missing["pipelineExecutionId"]) == "JobNotFoundException"


def test_nobody_but_the_emulator_is_answered(service: Service) -> None:
    with service.client(token="another") as stranger:
        assert _refusal(stranger.list_pipelines) == "AccessDeniedException"
