"""Give the dead letters of an environment to its retrain function again, once what made them is mended.

The function knows each event that it has answered, so a letter that was handled after all starts nothing twice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from ops.aws import AwsError

MENDABLE = 2
REFUSED = 3
KEPT = 120
"""Seconds for which nobody else sees a letter that is being handled: twice the function's timeout."""
BATCH = 10

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Invoke = Callable[[bytes], str | None]
"""Hands an event to the function: None when it was handled, else why not."""


@dataclass(frozen=True)
class Redriven:
    """How many letters were handled, and why the others stay in the queue."""

    handled: int
    refused: tuple[str, ...]


def redrive(sqs: Any, queue: str, invoke: Invoke, *, say: Callable[[str], None] = lambda _: None) -> Redriven:
    """Each letter that is in the queue now, once. One is deleted only after the function has taken it."""
    handled, refused = 0, []
    for letter in _letters(sqs, queue):
        reason = invoke(letter["Body"].encode())
        if reason is None:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
            handled += 1
        else:
            refused.append(reason)
        say(f"{_named(letter['Body'])}: {reason or 'handled'}")
    return Redriven(handled, tuple(refused))


def _letters(sqs: Any, queue: str) -> Iterator[dict[str, Any]]:
    """Until a look finds nothing new: a letter that stays is hidden meanwhile."""
    seen: set[str] = set()
    while True:
        found = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=BATCH, VisibilityTimeout=KEPT, WaitTimeSeconds=1
        ).get("Messages", [])
        fresh = [letter for letter in found if letter["MessageId"] not in seen]
        if not fresh:
            return
        seen.update(letter["MessageId"] for letter in fresh)
        yield from fresh


def _named(body: str) -> str:
    """What a person knows the event by."""
    event = json.loads(body)
    key = event.get("detail", {}).get("object", {}).get("key", "")
    return " ".join(part for part in (event.get("detail-type", "an event"), key) if part)


def invoker(functions: Any, name: str) -> Invoke:
    """Waits for the function's answer: only that tells whether the letter may go."""

    def invoke(event: bytes) -> str | None:
        answer = functions.invoke(FunctionName=name, Payload=event)
        if "FunctionError" not in answer:
            return None
        failed: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        return str(failed.get("errorMessage", answer["FunctionError"]))

    return invoke


def _find(cloudformation: Any, stack: str) -> tuple[str, str]:
    """The queue's address and the function's name. Raises AwsError."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    known = {
        (each["ResourceType"], each["LogicalResourceId"]): str(each["PhysicalResourceId"])
        for page in pages
        for each in page["StackResourceSummaries"]
    }
    found = [
        next((physical for (kind, name), physical in known.items() if kind == wanted and name.startswith(start)), "")
        for wanted, start in (("AWS::SQS::Queue", "DeadLetters"), ("AWS::Lambda::Function", "Retrain"))
    ]
    if not all(found):
        raise AwsError(f"stack {stack} has no dead letters or no retrain function; deploy it first: make deploy")
    return found[0], found[1]


@app.command(epilog="Exit codes: 0 none is left, 2 something given is wrong, 3 some letters were refused and stay.")
def main(
    environment: Annotated[str, typer.Option(help="The environment whose letters these are.")] = "dev",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Give the dead letters to the retrain function again; what it takes leaves the queue."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    try:
        queue, function = _find(boto3.client("cloudformation"), f"{environment.capitalize()}-Triggers")
        done = redrive(boto3.client("sqs"), queue, invoker(boto3.client("lambda"), function), say=say)
    except (AwsError, BotoCoreError, ClientError) as error:
        say(f"error: {error}")
        raise typer.Exit(MENDABLE) from None
    sentence = f"{done.handled} handled" + (f", {len(done.refused)} refused and kept" if done.refused else "")
    sys.stdout.write((json.dumps(asdict(done), indent=2) if json_ else sentence) + "\n")
    if done.refused:
        raise typer.Exit(REFUSED)


if __name__ == "__main__":
    app()
