"""The owner of App Runner's log groups, against moto's CloudWatch Logs and a local CloudFormation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.apprunner_logs import handler
from tests.support.aws import simulated_aws

EVENT: dict[str, Any] = json.loads((Path(__file__).parent / "events" / "cloudformation_delete.json").read_text())
SERVICE = "Dev-Serving-Flights-66E29C6A"
ID = "8fe1e10304f84fd2b0df550fe98a71fa"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with simulated_aws():
        client = boto3.client("logs")
        monkeypatch.setattr(handler, "_client", lambda: client)
        yield client


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where to answer, and what was answered."""
    answers: list[dict[str, Any]] = []

    class CloudFormation(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response_only(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), CloudFormation) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", answers
        server.shutdown()
        thread.join()


def groups(logs: Any) -> dict[str, int | None]:
    pages = logs.get_paginator("describe_log_groups").paginate()
    return {group["logGroupName"]: group.get("retentionInDays") for page in pages for group in page["logGroups"]}


def test_both_groups_of_a_service_get_a_retention_whoever_was_first(logs: Any) -> None:
    logs.create_log_group(logGroupName=f"/aws/apprunner/{SERVICE}/{ID}/service")
    properties = {"Service": f"{SERVICE}/{ID}", "Days": "7"}
    handler.apply(logs, "Create", properties)
    expected = {f"/aws/apprunner/{SERVICE}/{ID}/{kind}": 7 for kind in ("application", "service")}
    assert groups(logs) == expected
    handler.apply(logs, "Update", {**properties, "Days": "30"})
    assert set(groups(logs).values()) == {30}
    handler.apply(logs, "Delete", properties)
    assert len(groups(logs)) == 2


def test_a_sweep_deletes_the_groups_of_every_id_of_its_service_and_no_others(logs: Any) -> None:
    other = "/aws/apprunner/Dev-Serving-Flights-66E29C6Ab/1/service"
    kept = [other, "/aws/lambda/any"]
    for name in [*kept, *(f"/aws/apprunner/{SERVICE}/{n}/service" for n in range(60))]:
        logs.create_log_group(logGroupName=name)
    properties = {"Sweep": f"/aws/apprunner/{SERVICE}/"}
    handler.apply(logs, "Create", properties)
    handler.apply(logs, "Update", properties)
    assert len(groups(logs)) == 62
    handler.apply(logs, "Delete", properties)
    assert sorted(groups(logs)) == sorted(kept)


def test_cloudformation_is_told(logs: Any, told: tuple[str, list[dict[str, Any]]]) -> None:
    url, answers = told
    handler.handle({**EVENT, "ResponseURL": url}, None)  # type: ignore[arg-type]
    [answer] = answers
    assert answer["Status"] == "SUCCESS"
    assert {name: answer[name] for name in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")} == {
        name: EVENT[name] for name in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")
    }


def test_a_failure_is_told_with_its_reason(
    logs: Any, told: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, answers = told

    def throttled(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "DescribeLogGroups")

    monkeypatch.setattr(handler, "apply", throttled)
    created = {name: value for name, value in EVENT.items() if name != "PhysicalResourceId"}
    handler.handle({**created, "RequestType": "Create", "ResponseURL": url}, None)  # type: ignore[arg-type]
    assert answers[0]["Status"] == "FAILED"
    assert "Rate exceeded" in answers[0]["Reason"]
    assert answers[0]["PhysicalResourceId"] == EVENT["LogicalResourceId"]
