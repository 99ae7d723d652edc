"""A rollout changes the tag and nothing else, waits, and says why CloudFormation took it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from ops.rollout import Patience, RolledBackError, Rollout, RolloutError, app, roll_out
from tests.support.aws import simulated_aws

TEMPLATE = json.dumps(
    {
        "Parameters": {"Image": {"Type": "String", "Default": ""}, "Other": {"Type": "String", "Default": "usual"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Runs": {"Value": {"Fn::Sub": "tag ${Image} ${Other}"}}},
    }
)


@pytest.fixture
def aws() -> Iterator[None]:
    with simulated_aws():
        yield


def deployed(template: str = TEMPLATE, **parameters: str) -> Any:
    client = boto3.client("cloudformation")
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client.create_stack(StackName="Dev-Serving", TemplateBody=template, Parameters=given)
    return client


def runs(client: Any) -> str:
    return str(client.describe_stacks(StackName="Dev-Serving")["Stacks"][0]["Outputs"][0]["OutputValue"])


@pytest.mark.usefixtures("aws")
def test_only_the_tag_changes() -> None:
    client = deployed(Image="one", Other="given")
    done = roll_out(client, "Dev-Serving", "two")
    assert done == Rollout("Dev-Serving", before="one", image="two", changed=True)
    assert runs(client) == "tag two given"


@pytest.mark.usefixtures("aws")
def test_a_stack_that_asks_for_it_is_told_what_ran_before() -> None:
    template = json.loads(TEMPLATE)
    template["Parameters"]["Before"] = {"Type": "String", "Default": ""}
    template["Outputs"]["Runs"]["Value"] = {"Fn::Sub": "tag ${Image} after ${Before}."}
    client = deployed(json.dumps(template), Image="", Before="", Other="given")
    told = []
    for tag in ("one", "two", "three"):
        roll_out(client, "Dev-Serving", tag)
        told.append(runs(client))
    assert told == ["tag one after .", "tag two after one.", "tag three after two."]


@pytest.mark.usefixtures("aws")
def test_the_same_tag_again_changes_nothing() -> None:
    client = deployed(Image="one", Other="given")
    assert not roll_out(client, "Dev-Serving", "one").changed


@pytest.mark.usefixtures("aws")
def test_a_stack_that_is_not_there_or_runs_no_image_is_a_sentence() -> None:
    with pytest.raises(RolloutError, match=r"^Dev-Serving cannot be read: .*does not exist"):
        roll_out(boto3.client("cloudformation"), "Dev-Serving", "two")
    deployed('{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}')
    with pytest.raises(RolloutError, match=r"^Dev-Serving has no parameter Image"):
        roll_out(boto3.client("cloudformation"), "Dev-Serving", "two")


@pytest.mark.usefixtures("aws")
def test_the_command_prints_one_document_and_its_exit_code_tells_what_happened() -> None:
    deployed(Image="one", Other="given")
    done = CliRunner().invoke(app, ["--stack", "Dev-Serving", "--image", "two", "--json"])
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert json.loads(done.stdout)["before"] == "one"
    absent = CliRunner().invoke(app, ["--stack", "Nothing", "--image", "two"])
    assert (absent.exit_code, absent.stdout) == (2, "")
    assert absent.stderr.startswith("error: Nothing cannot be read")


class Refusing:
    """A stack that is busy at first, and whose update CloudFormation rolls back."""

    def __init__(self, *, busy: int = 0) -> None:
        self.updates: list[dict[str, Any]] = []
        self._busy = busy
        self._statuses = ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
        self._events = [self._event("old", "Service", "UPDATE_FAILED", "of an earlier rollout")]

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        status = "UPDATE_COMPLETE"
        if self._busy:
            self._busy -= 1
            status = "UPDATE_IN_PROGRESS"
        elif self.updates:
            status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        parameters = [{"ParameterKey": "Image", "ParameterValue": "one"}, {"ParameterKey": "Layer"}]
        return {
            "Stacks": [
                {
                    "StackName": StackName,
                    "StackStatus": status,
                    "Parameters": parameters,
                    "Capabilities": ["CAPABILITY_IAM"],
                }
            ]
        }

    def describe_stack_events(self, StackName: str) -> Any:  # noqa: N803
        return {"StackEvents": list(reversed(self._events))}

    def update_stack(self, **given: Any) -> None:
        assert not self._busy
        self.updates.append(given)
        self._events += [
            self._event("a", "Service", "UPDATE_IN_PROGRESS", ""),
            self._event("b", "Service", "UPDATE_FAILED", "Tasks failed their health check"),
            self._event("c", "Address", "UPDATE_FAILED", "Resource update cancelled"),
        ]

    @staticmethod
    def _event(id: str, resource: str, status: str, reason: str) -> dict[str, str]:  # noqa: A002
        return {
            "EventId": id,
            "LogicalResourceId": resource,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }


def test_a_rollback_is_reported_with_the_resource_that_caused_it_and_no_other() -> None:
    said: list[str] = []
    with pytest.raises(RolledBackError) as refused:
        roll_out(Refusing(), "S", "two", say=said.append, patience=Patience(sleep=lambda _: None))
    assert str(refused.value) == (
        "S did not take image two and is UPDATE_ROLLBACK_COMPLETE: "
        "Service UPDATE_FAILED: Tasks failed their health check"
    )
    assert said == [
        "S: one -> two",
        "  Service UPDATE_IN_PROGRESS",
        "  Service UPDATE_FAILED Tasks failed their health check",
        "  Address UPDATE_FAILED Resource update cancelled",
    ]


def test_capabilities_and_every_other_parameter_are_kept_and_the_template_is_not_sent() -> None:
    stack = Refusing()
    with pytest.raises(RolledBackError):
        roll_out(stack, "S", "two", patience=Patience(sleep=lambda _: None))
    assert stack.updates == [
        {
            "StackName": "S",
            "UsePreviousTemplate": True,
            "Parameters": [
                {"ParameterKey": "Image", "ParameterValue": "two"},
                {"ParameterKey": "Layer", "UsePreviousValue": True},
            ],
            "Capabilities": ["CAPABILITY_IAM"],
        }
    ]


def test_a_deployment_in_progress_is_waited_for() -> None:
    stack, naps = Refusing(busy=2), list[float]()
    with pytest.raises(RolledBackError):
        roll_out(stack, "S", "two", patience=Patience(poll=7, sleep=naps.append))
    assert naps[:2] == [7, 7]
    assert len(stack.updates) == 1


def test_waiting_ends() -> None:
    with pytest.raises(RolloutError, match=r"^S is still changing after 0 seconds"):
        roll_out(Refusing(busy=100), "S", "two", patience=Patience(most=0, sleep=lambda _: None))


def test_a_shell_without_a_region_is_told_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    done = CliRunner().invoke(app, ["--stack", "Dev-Serving", "--image", "one"])
    assert done.exit_code == 2
    assert done.stderr == "error: Dev-Serving: You must specify a region.\n"
