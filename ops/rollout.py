"""Let a stack run another image: an update of the stack with its own template and another tag.

A deployment keeps the tag and a rollout keeps the template, so neither undoes what the other did.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

PARAMETER = "Image"
BEFORE = "Before"
"""The tag that is replaced, where the stack asks for it: a service that runs keeps the number of its tasks."""
MENDABLE = 2
REFUSED = 3
CANCELLED = "Resource update cancelled"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class RolloutError(Exception):
    """The rollout cannot be started or followed; the message says why and what to do."""


class RolledBackError(Exception):
    """CloudFormation took the image back; the message says which resource refused it and why."""


@dataclass(frozen=True)
class Rollout:
    """What the stack ran before and runs now."""

    stack: str
    before: str
    image: str
    changed: bool


@dataclass(frozen=True)
class Patience:
    """How often to look, and for how long, in seconds."""

    poll: float = 5.0
    most: float = 3600.0
    sleep: Callable[[float], None] = time.sleep


def roll_out(
    cloudformation: Any,
    stack: str,
    image: str,
    *,
    say: Callable[[str], None] = lambda _: None,
    patience: Patience | None = None,
) -> Rollout:
    """Update the stack to that image and wait until it runs.

    The role and tags of the last deployment stay: CloudFormation keeps what an update leaves out.
    Raises RolloutError, and RolledBackError when CloudFormation has restored the image before.
    """
    patience = patience or Patience()
    found = _settled(cloudformation, stack, say, patience)
    before = _image_of(found)
    if before == image:
        return Rollout(stack, before, image, changed=False)
    seen = {event["EventId"] for event in _events(cloudformation, stack)}
    if not _update(cloudformation, found, image):
        return Rollout(stack, before, image, changed=False)
    say(f"{stack}: {before or 'nothing'} -> {image}")
    failures: list[str] = []
    for event in _followed(cloudformation, stack, seen, patience):
        line = f"{event['LogicalResourceId']} {event['ResourceStatus']}"
        reason = event.get("ResourceStatusReason", "")
        say(f"  {line} {reason}".rstrip())
        if event["ResourceStatus"].endswith("_FAILED") and CANCELLED not in reason:
            failures.append(f"{line}: {reason}")
    status = _describe(cloudformation, stack)["StackStatus"]
    if status != "UPDATE_COMPLETE":
        why = "; ".join(failures) or "CloudFormation names no resource"
        raise RolledBackError(f"{stack} did not take image {image} and is {status}: {why}")
    return Rollout(stack, before, image, changed=True)


def _update(cloudformation: Any, found: dict[str, Any], image: str) -> bool:
    """Whether there was anything to update."""
    from botocore.exceptions import ClientError

    known = _parameters(found)
    given = {PARAMETER: image, **({BEFORE: known[PARAMETER]} if BEFORE in known else {})}
    try:
        cloudformation.update_stack(
            StackName=found["StackName"],
            UsePreviousTemplate=True,
            Parameters=[
                *({"ParameterKey": key, "ParameterValue": value} for key, value in given.items()),
                *({"ParameterKey": key, "UsePreviousValue": True} for key in known if key not in given),
            ],
            Capabilities=found.get("Capabilities", []),
        )
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" in message:
            return False
        raise RolloutError(f"{found['StackName']} cannot be updated: {message}") from error
    return True


def _followed(cloudformation: Any, stack: str, seen: set[str], patience: Patience) -> Iterator[dict[str, Any]]:
    """New events, oldest first, until the stack is at rest."""
    deadline = time.monotonic() + patience.most
    while True:
        resting = not _busy(_describe(cloudformation, stack))
        fresh = [event for event in _events(cloudformation, stack) if event["EventId"] not in seen]
        seen.update(event["EventId"] for event in fresh)
        yield from reversed(fresh)
        if resting:
            return
        _wait(stack, deadline, patience)


def _settled(cloudformation: Any, stack: str, say: Callable[[str], None], patience: Patience) -> dict[str, Any]:
    """The stack once nobody else is changing it."""
    deadline = time.monotonic() + patience.most
    while _busy(found := _describe(cloudformation, stack)):
        say(f"{stack} is {found['StackStatus']}; waiting for that to end")
        _wait(stack, deadline, patience)
    return found


def _wait(stack: str, deadline: float, patience: Patience) -> None:
    if time.monotonic() >= deadline:
        raise RolloutError(f"{stack} is still changing after {patience.most:g} seconds; see its events in the console")
    patience.sleep(patience.poll)


def _busy(found: dict[str, Any]) -> bool:
    return str(found["StackStatus"]).endswith("_IN_PROGRESS")


def _image_of(found: dict[str, Any]) -> str:
    parameters = _parameters(found)
    if PARAMETER not in parameters:
        raise RolloutError(f"{found['StackName']} has no parameter {PARAMETER}: it runs no released image")
    return parameters[PARAMETER]


def _parameters(found: dict[str, Any]) -> dict[str, str]:
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}


def _describe(cloudformation: Any, stack: str) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise RolloutError(f"{stack} cannot be read: {error.response['Error']['Message']}") from error
    except BotoCoreError as error:
        raise RolloutError(f"AWS does not answer: {error}") from error
    return found


def _events(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    """The newest page, newest first: an update of one parameter fits into it."""
    events: list[dict[str, Any]] = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return events


@app.command(epilog="Exit codes: 0 it runs, 2 something given is wrong, 3 CloudFormation took it back.")
def main(
    stack: Annotated[str, typer.Option(help="The stack, such as Dev-Serving.")],
    image: Annotated[str, typer.Option(help="The image's tag.")],
    minutes: Annotated[int, typer.Option(help="For how long to wait.", min=1)] = 60,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Let a stack run another image, and say why if it does not."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    try:
        done = roll_out(boto3.client("cloudformation"), stack, image, say=say, patience=Patience(most=minutes * 60))
    except (RolloutError, BotoCoreError, ClientError) as error:
        say(f"error: {stack}: {error}" if not isinstance(error, RolloutError) else f"error: {error}")
        raise typer.Exit(MENDABLE) from None
    except RolledBackError as error:
        say(f"error: {error}")
        raise typer.Exit(REFUSED) from None
    sentence = f"{stack} runs {image}" + ("" if done.changed else ", as before")
    sys.stdout.write((json.dumps(asdict(done), indent=2) if json_ else sentence) + "\n")


if __name__ == "__main__":
    app()
