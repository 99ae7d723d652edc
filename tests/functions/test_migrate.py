"""The migration is run once, followed to its end, and answered whatever happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from functions.migrate.handler import Migrator, Patience, respond
from functions.migrate.outcome import cut, failure, with_log
from functions.migrate.request import Request

STACK = "arn:aws:cloudformation:us-east-1:111122223333:stack/Dev-Tracking/5b6a5f70-c6e5-11f0-9c1e-0e1c2d3f4a5b"
CLUSTER = "Dev-Tracking-ClusterEB0386A7-Ab1Cd2Ef3Gh4"
TASK = f"arn:aws:ecs:us-east-1:111122223333:task/{CLUSTER}/0123456789abcdef0123456789abcdef"
DEFINITION = "arn:aws:ecs:us-east-1:111122223333:task-definition/DevTrackingMigration1163F093:7"
PROPERTIES = {
    "ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:Dev-Tracking-MigrateRunner",
    "ServiceTimeout": "900",
    "Released": "true",
    "Cluster": CLUSTER,
    "TaskDefinition": DEFINITION,
    "Subnets": ["subnet-0a1b2c3d4e5f60718", "subnet-08192a3b4c5d6e7f8"],
    "SecurityGroup": "sg-0a1b2c3d4e5f60718",
    "PublicIp": "DISABLED",
    "LogGroup": "Dev-Tracking-MigrationLogs",
    "LogStream": "task/Mlflow",
}
ENDED = {
    "taskArn": TASK,
    "lastStatus": "STOPPED",
    "stopCode": "EssentialContainerExited",
    "stoppedReason": "Essential container in task exited",
    "containers": [{"name": "Mlflow", "exitCode": 0, "lastStatus": "STOPPED"}],
}
RUN = {
    "cluster": CLUSTER,
    "taskDefinition": DEFINITION,
    "launchType": "FARGATE",
    "clientToken": "b1a6f3a4-5d0e-4a5e-9a57-0c7b6f0e2d11",
    "startedBy": "cloudformation",
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": PROPERTIES["Subnets"],
            "securityGroups": [PROPERTIES["SecurityGroup"]],
            "assignPublicIp": "DISABLED",
        }
    },
}


def event(kind: str = "Update", url: str = "https://example.com/answer", **properties: Any) -> dict[str, Any]:
    """As CloudFormation sends it."""
    given_before = {} if kind == "Create" else {"PhysicalResourceId": "migration"}
    return {
        "RequestType": kind,
        "ServiceToken": PROPERTIES["ServiceToken"],
        "ResponseURL": url,
        "StackId": STACK,
        "RequestId": RUN["clientToken"],
        "LogicalResourceId": "MigrateRunC5ED092B",
        "ResourceType": "AWS::CloudFormation::CustomResource",
        "ResourceProperties": {**PROPERTIES, **properties},
        **given_before,
    }


@dataclass
class Time:
    """Passes only while someone sleeps."""

    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Aws:
    """The three clients with the answers that they will give; each request is held against AWS's own model."""

    stubs: dict[str, Stubber]
    time: Time = field(default_factory=Time)

    @property
    def migrator(self) -> Migrator:
        patience = Patience(clock=self.time.clock, sleep=self.time.sleep)
        clients = {name: stub.client for name, stub in self.stubs.items()}
        return Migrator(patience=patience, **clients)

    def stack_is(self, status: str) -> None:
        stack = {"StackName": "Dev-Tracking", "CreationTime": "2026-11-21T00:00:00Z", "StackStatus": status}
        self.stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})

    def starts(self) -> None:
        self.stubs["ecs"].add_response("run_task", {"tasks": [{"taskArn": TASK}], "failures": []}, RUN)

    def task_is(self, *tasks: dict[str, Any]) -> None:
        expected = {"cluster": CLUSTER, "tasks": [TASK]}
        self.stubs["ecs"].add_response("describe_tasks", {"tasks": list(tasks), "failures": []}, expected)

    def logged(self, *lines: str) -> None:
        expected = {
            "logGroupName": PROPERTIES["LogGroup"],
            "logStreamName": "task/Mlflow/0123456789abcdef0123456789abcdef",
            "limit": 20,
            "startFromHead": False,
        }
        self.stubs["logs"].add_response("get_log_events", {"events": [{"message": line} for line in lines]}, expected)


@pytest.fixture
def aws() -> Iterator[Aws]:
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    stubs = {
        name: Stubber(boto3.client(name, region_name="us-east-1", **credentials))
        for name in ("ecs", "logs", "cloudformation")
    }
    for stub in stubs.values():
        stub.activate()
    yield Aws(stubs)
    for stub in stubs.values():
        stub.assert_no_pending_responses()


@dataclass
class Mailbox:
    """Where CloudFormation waits for answers; refuses the first so many."""

    url: str = ""
    refuse: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


@contextmanager
def listening(mailbox: Mailbox) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if mailbox.refuse:
                mailbox.refuse -= 1
                self.send_response(503)
            else:
                mailbox.answers.append(json.loads(body))
                mailbox.types.append(self.headers["Content-Type"])
                mailbox.sizes.append(len(body))
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    mailbox.url = f"http://127.0.0.1:{server.server_port}/answer"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    with listening(box):
        yield box


def answer_of(aws: Aws, mailbox: Mailbox, kind: str = "Update", **properties: Any) -> dict[str, Any]:
    respond(Request.model_validate(event(kind, mailbox.url, **properties)), aws.migrator)
    (answer,) = mailbox.answers
    return answer


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_release_runs_one_task_and_waits_for_its_end(aws: Aws, mailbox: Mailbox, kind: str) -> None:
    aws.stack_is("UPDATE_IN_PROGRESS")
    aws.starts()
    aws.task_is()
    aws.task_is({"taskArn": TASK, "lastStatus": "PENDING"})
    aws.task_is({"taskArn": TASK, "lastStatus": "RUNNING"})
    aws.task_is(ENDED)
    assert answer_of(aws, mailbox, kind) == {
        "Status": "SUCCESS",
        "Reason": "The schema is that of the released image",
        "PhysicalResourceId": "migration",
        "StackId": STACK,
        "RequestId": RUN["clientToken"],
        "LogicalResourceId": "MigrateRunC5ED092B",
    }
    assert mailbox.types == [""]


def test_nothing_runs_before_an_image_was_released(aws: Aws, mailbox: Mailbox) -> None:
    answer = answer_of(aws, mailbox, "Create", Released="false")
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "Nothing to do before an image was released")


def test_a_deletion_leaves_the_schema_alone_even_if_its_properties_make_no_sense(aws: Aws, mailbox: Mailbox) -> None:
    assert answer_of(aws, mailbox, "Delete", Subnets=[])["Status"] == "SUCCESS"


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_a_rollback_runs_nothing_since_the_old_image_cannot_read_a_newer_schema(
    aws: Aws, mailbox: Mailbox, status: str
) -> None:
    aws.stack_is(status)
    answer = answer_of(aws, mailbox)
    assert (answer["Status"], "rollback" in answer["Reason"]) == ("SUCCESS", True)


def test_a_failed_migration_fails_the_deployment_with_the_end_of_its_log(aws: Aws, mailbox: Mailbox) -> None:
    aws.stack_is("UPDATE_IN_PROGRESS")
    aws.starts()
    aws.task_is({**ENDED, "containers": [{"name": "Mlflow", "exitCode": 1}]})
    aws.logged("Traceback (most recent call last):", 'FATAL: password authentication failed for user "mlflow"')
    answer = answer_of(aws, mailbox)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        "The migration failed (exit code 1): Essential container in task exited\nIts log ends with:\n"
        'Traceback (most recent call last):\nFATAL: password authentication failed for user "mlflow"'
    )


def test_an_image_that_cannot_be_pulled_is_told_without_a_log(aws: Aws, mailbox: Mailbox) -> None:
    reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): none: not found"
    aws.stack_is("UPDATE_IN_PROGRESS")
    aws.starts()
    aws.task_is({**ENDED, "stoppedReason": reason, "containers": [{"name": "Mlflow", "reason": reason}]})
    aws.stubs["logs"].add_client_error("get_log_events", "ResourceNotFoundException")
    answer = answer_of(aws, mailbox)
    assert (answer["Status"], answer["Reason"]) == ("FAILED", f"The migration failed (exit code none): {reason}")


def test_a_task_that_ecs_does_not_start_is_told(aws: Aws, mailbox: Mailbox) -> None:
    aws.stack_is("UPDATE_IN_PROGRESS")
    failures = [{"arn": DEFINITION, "reason": "RESOURCE:ENI", "detail": "no addresses left"}]
    aws.stubs["ecs"].add_response("run_task", {"tasks": [], "failures": failures}, RUN)
    answer = answer_of(aws, mailbox)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "ECS did not start the migration: RESOURCE:ENI no addresses left"


def test_a_migration_that_takes_too_long_is_stopped_so_that_no_second_one_meets_it(aws: Aws, mailbox: Mailbox) -> None:
    aws.stack_is("UPDATE_IN_PROGRESS")
    aws.starts()
    for _ in range(156):
        aws.task_is({"taskArn": TASK, "lastStatus": "RUNNING"})
    stopped = {"cluster": CLUSTER, "task": TASK, "reason": "Not done after 13 minutes"}
    aws.stubs["ecs"].add_response("stop_task", {"task": {"taskArn": TASK}}, stopped)
    answer = answer_of(aws, mailbox)
    assert (answer["Status"], "not done after 13 minutes" in answer["Reason"]) == ("FAILED", True)
    assert aws.time.now < 840 - 30, "the answer must be on its way before Lambda ends the function"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_a_refusal_of_aws_is_answered(aws: Aws, mailbox: Mailbox, code: str) -> None:
    aws.stack_is("UPDATE_IN_PROGRESS")
    aws.stubs["ecs"].add_client_error("run_task", code, "not authorized to perform: ecs:RunTask")
    answer = answer_of(aws, mailbox)
    assert (answer["Status"], "not authorized to perform: ecs:RunTask" in answer["Reason"]) == ("FAILED", True)


def test_properties_that_make_no_sense_are_answered(aws: Aws, mailbox: Mailbox) -> None:
    answer = answer_of(aws, mailbox, PublicIp="true")
    assert (answer["Status"], "PublicIp" in answer["Reason"]) == ("FAILED", True)


def test_an_answer_that_is_refused_is_given_again(aws: Aws, mailbox: Mailbox) -> None:
    mailbox.refuse = 2
    assert answer_of(aws, mailbox, "Delete")["Status"] == "SUCCESS"


def test_an_answer_that_nobody_takes_is_an_error_of_the_function(aws: Aws, mailbox: Mailbox) -> None:
    mailbox.refuse = 3
    with pytest.raises(OSError, match="503"):
        respond(Request.model_validate(event("Delete", mailbox.url)), aws.migrator)


def test_an_answer_is_never_longer_than_cloudformation_takes(aws: Aws, mailbox: Mailbox) -> None:
    aws.stack_is("UPDATE_IN_PROGRESS")
    aws.starts()
    aws.task_is({**ENDED, "stoppedReason": "why " * 2000, "containers": [{"name": "Mlflow", "exitCode": 1}]})
    aws.logged(*["\x1b[31mnaïve"] * 20)
    answer_of(aws, mailbox)
    assert mailbox.sizes[0] <= 4096


@given(st.text(max_size=6000), st.lists(st.text(max_size=400), max_size=20))
def test_whatever_the_log_says_fits_and_the_sentence_comes_first(sentence: str, lines: list[str]) -> None:
    told = cut(with_log(sentence, lines))
    assert len(json.dumps(told).encode()) <= 3000
    assert sentence.startswith(told) or told.startswith(sentence)


def test_the_last_lines_of_a_long_log_are_kept() -> None:
    told = with_log("It failed", [f"line {number} {'x' * 300}" for number in range(20)])
    assert "line 19" in told
    assert "line 0 " not in told


def test_a_task_whose_container_has_no_exit_code_has_failed() -> None:
    assert failure({"lastStatus": "STOPPED", "containers": []})
    assert failure({"lastStatus": "STOPPED", "containers": [{"exitCode": 0}, {}]})
