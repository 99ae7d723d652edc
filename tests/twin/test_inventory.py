"""Whatever a deployment can leave behind is asked for, and what may stay has a reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import botocore.session
import jmespath
import pytest
from botocore import xform_name

from twin import inventory
from twin.cloud import Cloud
from twin.folder import ROOT, Twin, TwinError
from twin.inventory import Left
from twin.kinds import KINDS, Kind

SNAPSHOTS = ROOT / "tests/stacks/__snapshots__/test_platform"


class Account:
    """Answers every operation with what it was given, else with nothing."""

    def __init__(self, folder: Path) -> None:
        self.twin = Twin(folder=folder, gateway=1, pipeline=2, block="127.81.7", token="t")
        self.control = self
        self.recorded: list[dict[str, str]] = []
        self.answers: dict[str, dict[str, Any]] = {}

    def client(self, service: str) -> Account:
        return self

    def can_paginate(self, operation: str) -> bool:
        return False

    def get(self, path: str) -> list[dict[str, str]]:
        assert path == "/recorded"
        return self.recorded

    def __getattr__(self, operation: str) -> Any:
        return lambda **_: self.answers.get(operation, {})


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    (tmp_path / "assembly-Dev").mkdir()
    (tmp_path / "assembly-Dev/Dev.template.json").write_text(json.dumps(template))
    return tmp_path


def cloud(account: Account) -> Cloud:
    return cast("Cloud", account)


def test_every_type_of_every_stack_is_asked_for_or_goes_with_another() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SNAPSHOTS.glob("*.yaml")]
    types = {found for text in texts for found in re.findall(r"^  ((?:AWS|Custom)::\S+) \w+:", text, re.MULTILINE)}
    assert len(types) > 50
    assert inventory.unknown(types) == []


@pytest.fixture(scope="module")
def aws() -> Any:
    """What boto3 knows of the services."""
    return botocore.session.get_session()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.service}.{kind.operation}")
def test_every_question_is_one_that_aws_answers(kind: Kind, aws: Any) -> None:
    model = aws.get_service_model(kind.service)
    operations = {xform_name(name): name for name in model.operation_names}
    answer = model.operation_model(operations[kind.operation]).output_shape
    assert set(re.findall(r"^\[?(\w+)", kind.path)) <= set(answer.members)
    jmespath.compile(kind.path)


def test_what_was_there_before_is_not_left_behind(account: Account, assembly: Path) -> None:
    account.answers["list_buckets"] = {"Buckets": [{"Name": "mine"}]}
    inventory.remember(cloud(account), assembly)
    account.answers["list_buckets"] = {"Buckets": [{"Name": "mine"}, {"Name": "dev-raw"}]}
    assert inventory.unexpected(cloud(account)) == [Left("s3", "bucket", "dev-raw")]


def test_a_later_deployment_does_not_hide_what_an_earlier_one_left(account: Account, assembly: Path) -> None:
    inventory.remember(cloud(account), assembly)
    account.answers["list_queues"] = {"QueueUrls": ["https://queue/dead-letters"]}
    inventory.remember(cloud(account), assembly)
    assert inventory.unexpected(cloud(account)) == [Left("sqs", "queue", "https://queue/dead-letters")]


def test_names_and_records_of_the_twin_count_too(account: Account, assembly: Path) -> None:
    inventory.remember(cloud(account), assembly)
    account.recorded = [{"type": "AWS::EC2::FlowLog", "id": "fl-1", "stack": "Dev-Network"}]
    account.twin.names.write_text("mlflow.evergreen.internal:5000 127.81.7.100:5000\n")
    assert [each.kind for each in inventory.unexpected(cloud(account))] == ["name", "record"]


def test_what_cdk_itself_needs_may_stay_and_says_why(account: Account, assembly: Path) -> None:
    inventory.remember(cloud(account), assembly)
    account.answers["list_buckets"] = {"Buckets": [{"Name": "cdk-hnb659fds-assets-000000000000-us-east-1"}]}
    (left,) = inventory.left(cloud(account))
    assert "cdk bootstrap" in str(inventory.reason(left))
    assert inventory.unexpected(cloud(account)) == []


def test_a_type_that_nobody_asks_for_is_refused(account: Account) -> None:
    with pytest.raises(TwinError, match="AWS::Redshift::Cluster"):
        inventory.take(cloud(account), ["AWS::Redshift::Cluster"])


def test_without_a_before_there_is_no_after(account: Account) -> None:
    with pytest.raises(TwinError, match="not noted"):
        inventory.unexpected(cloud(account))
