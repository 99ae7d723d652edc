"""Dead letters, given to the function again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ops.redrive import Redriven, invoker, redrive
from tests.support.aws import simulated_aws


def letter(key: str) -> str:
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": key}}})


@pytest.fixture
def sqs() -> Iterator[Any]:
    with simulated_aws():
        yield boto3.client("sqs")


@pytest.fixture
def queue(sqs: Any) -> str:
    address: str = sqs.create_queue(QueueName="letters")["QueueUrl"]
    return address


def left(sqs: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_each_letter_is_handled_once_and_leaves_the_queue(sqs: Any, queue: str) -> None:
    for number in range(23):
        sqs.send_message(QueueUrl=queue, MessageBody=letter(f"flights/{number}.csv"))
    handled: list[str] = []

    done = redrive(sqs, queue, lambda event: handled.append(json.loads(event)["detail"]["object"]["key"]))

    assert done == Redriven(23, ())
    assert sorted(handled) == sorted(f"flights/{number}.csv" for number in range(23))
    assert left(sqs, queue) == 0


def test_a_letter_that_the_function_refuses_stays_and_says_why(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody=letter("flights/good.csv"))
    sqs.send_message(QueueUrl=queue, MessageBody=letter("flights/bad.csv"))
    said: list[str] = []

    done = redrive(sqs, queue, lambda event: "no table" if b"bad" in event else None, say=said.append)

    assert done == Redriven(1, ("no table",))
    assert left(sqs, queue) == 1
    assert "Object Created flights/bad.csv: no table" in said


def test_an_empty_queue_is_nothing_to_do(sqs: Any, queue: str) -> None:
    assert redrive(sqs, queue, lambda event: None) == Redriven(0, ())


class Function:
    """Answers as Lambda does."""

    def __init__(self, **answer: Any) -> None:
        self._answer = answer

    def invoke(self, **_: Any) -> dict[str, Any]:
        return self._answer


def test_an_error_inside_the_function_is_a_refusal() -> None:
    payload = io.BytesIO(b'{"errorMessage": "AccessDenied", "errorType": "ClientError"}')
    assert invoker(Function(FunctionError="Unhandled", Payload=payload), "retrain")(b"{}") == "AccessDenied"
    assert invoker(Function(Payload=io.BytesIO(b"[]")), "retrain")(b"{}") is None
