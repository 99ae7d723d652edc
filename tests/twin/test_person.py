"""A person's deeds reach the right bucket, the right approval and the right process."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, cast

import pytest

from twin import person, processes
from twin.cloud import Cloud
from twin.folder import Twin, TwinError

WAITING = {
    "stageStates": [
        {"stageName": "Train", "actionStates": [{"actionName": "Train", "latestExecution": {"status": "Succeeded"}}]},
        {
            "stageName": "Approve",
            "latestExecution": {"pipelineExecutionId": "e-1"},
            "actionStates": [{"actionName": "Approve", "latestExecution": {"status": "InProgress", "token": "t-1"}}],
        },
    ]
}


class Account:
    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self._state = state or {"stageStates": []}
        self.calls: list[dict[str, Any]] = []

    def client(self, service: str) -> Account:
        return self

    def stacks(self) -> dict[str, str]:
        return {"Dev-Network": "CREATE_COMPLETE", "Dev-Storage": "CREATE_COMPLETE"}

    def outputs(self, stack: str) -> dict[str, str]:
        return {"RawBucket": "raw"} if stack == "Dev-Storage" else {}

    def list_pipelines(self) -> dict[str, Any]:
        return {"pipelines": [{"name": "dev"}]}

    def get_pipeline_state(self, name: str) -> dict[str, Any]:
        return self._state

    def put_approval_result(self, **given: Any) -> None:
        self.calls.append(given)

    def put_object(self, **given: Any) -> dict[str, str]:
        self.calls.append(given)
        return {"VersionId": "v-1"}


def cloud(account: Account) -> Cloud:
    return cast("Cloud", account)


def test_data_arrive_under_their_problem(tmp_path: Path) -> None:
    (tmp_path / "january.csv").write_bytes(b"a,b\n")
    account = Account()
    brought = person.bring(cloud(account), tmp_path / "january.csv", "flights")
    assert account.calls == [{"Bucket": "raw", "Key": "flights/january.csv", "Body": b"a,b\n"}]
    assert brought.version == "v-1"


def test_an_answer_shows_the_token_of_its_question() -> None:
    account = Account(WAITING)
    question = person.answer(cloud(account), approve=False, reason="too old")
    assert question.execution == "e-1"
    (given,) = account.calls
    assert given["token"] == "t-1"
    assert given["result"] == {"status": "Rejected", "summary": "too old"}


def test_where_nothing_waits_nothing_is_answered() -> None:
    with pytest.raises(TwinError, match="no approval waits"):
        person.answer(cloud(Account()), approve=True, reason="")


def test_what_is_killed_is_called_so_and_dies_at_once(tmp_path: Path) -> None:
    twin = Twin(folder=tmp_path, gateway=1, pipeline=2, block="127.81.7", token="t")
    names = ("task-0a1b-Mlflow", "codepipeline")
    started = {n: processes.start(tmp_path, n, ("sleep", "60"), environment={}, cwd=tmp_path) for n in names}
    try:
        assert [record.name for record in person.kill(twin, "mlflow")] == ["task-0a1b-Mlflow"]
        assert started["task-0a1b-Mlflow"].wait(5) == -signal.SIGKILL
        assert started["codepipeline"].poll() is None
        with pytest.raises(TwinError, match="nothing that runs is called mlflow; these run: codepipeline"):
            person.kill(twin, "mlflow")
    finally:
        for process in started.values():
            process.kill()
            process.wait(5)
