from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ops.assembly import synthesise
from tests.support.condensed import condensed, masked
from tests.support.stacks import templates
from tests.support.teardown import leftovers

REVIEWABLE = 40 * 1024
STACKS = (
    "Foundation Network Storage Registry Tracking Training Serving Delivery Triggers Monitoring Access".split()  # noqa: SIM905
)
UNPACKED = re.compile(rb'[^" (]*/(?=node_modules/aws-cdk-lib/|lib/program[.]js)')
"""Where this process has unpacked the CDK: it is in the traces of a stack's metadata, which is never deployed."""
GOES = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}


class Yaml(SingleFileSnapshotExtension):
    """One readable file a stack."""

    _write_mode = WriteMode.TEXT
    file_extension = "yaml"


@pytest.fixture
def reviewed(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Yaml)


@pytest.mark.parametrize(("stack", "target"), [*((stack, "ecs") for stack in STACKS), ("Serving", "apprunner")])
def test_a_change_is_seen_in_review(reviewed: SnapshotAssertion, stack: str, target: str) -> None:
    text = condensed(templates("dev", target)[stack])
    assert len(text.encode()) < REVIEWABLE
    assert text == reviewed


def test_every_stack_is_reviewed() -> None:
    assert set(templates("dev", "ecs")) == set(STACKS)


def test_what_changes_for_nobodys_sake_is_masked() -> None:
    assert masked("VpcPublicSubnet1Subnet5C2D37C4") == "VpcPublicSubnet1Subnet"
    assert (
        masked("${Dev-Storage:ExportsOutputRefArtifacts82DD59A14F4A635A}") == "${Dev-Storage:ExportsOutputRefArtifacts}"
    )
    assert masked(f"key: {'ab' * 32}.zip") == "key: <asset>.zip"
    assert masked("TasksfromDevTrackingClients62E27260500054AE75F4") == "TasksfromDevTrackingClients5000"
    assert masked("EVERGREEN_DEADBEEF 12345678") == "EVERGREEN_DEADBEEF 12345678"


def test_a_statement_is_one_line() -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Raw12345678", "Arn"]}, "/*"]]},
        "Principal": {"Service": "x.amazonaws.com"},
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    resource = {"Type": "T", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
    line = "Allow s3:GetObject, s3:PutObject on ${Raw.Arn}/* for x.amazonaws.com when "
    assert line + '{"Bool": {"aws:SecureTransport": "true"}}' in condensed({"Resources": {"P": resource}})


def test_a_second_synthesis_gives_the_same_bytes(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(synthesise, "dev", "ecs", tmp_path / name, checked=False) for name in ("one", "two")]
    contents = []
    for assembly in (each.result() for each in both):
        assert assembly.error == ""
        files = [path for path in assembly.folder.rglob("*") if path.is_file()]
        contents.append(
            {str(path.relative_to(assembly.folder)): UNPACKED.sub(b"", path.read_bytes()) for path in files}
        )
    assert len(contents[0]) > 20
    assert [name for name, content in contents[0].items() if contents[1].get(name) != content] == []
    assert set(contents[0]) == set(contents[1])


@pytest.mark.parametrize("target", ["ecs", "apprunner"])
def test_nothing_is_left_of_dev(target: str) -> None:
    assert [
        f"{stack}/{left}" for stack, template in templates("dev", target).items() for left in leftovers(template)
    ] == []


@pytest.mark.parametrize(
    ("kind", "properties", "more"),
    [
        ("AWS::S3::Bucket", {}, {}),
        ("AWS::S3::Bucket", {}, {"DeletionPolicy": "Retain"}),
        ("AWS::KMS::Key", {}, {"UpdateReplacePolicy": "RetainExceptOnCreate"}),
        ("AWS::RDS::DBInstance", {}, {}),
        ("AWS::RDS::DBInstance", {"DeletionProtection": True}, GOES),
        ("AWS::RDS::DBInstance", {"DeleteAutomatedBackups": False}, GOES),
        ("AWS::RDS::DBInstance", {"MonitoringInterval": 60}, GOES),
        ("AWS::RDS::DBInstance", {"EnableCloudwatchLogsExports": ["p"]}, GOES),
        ("AWS::ECR::Repository", {}, {}),
        ("AWS::DynamoDB::Table", {"DeletionProtectionEnabled": True}, {}),
        ("AWS::Lambda::Function", {}, {}),
        ("AWS::Lambda::Function", {"LoggingConfig": {"LogGroup": {"Fn::ImportValue": "elsewhere"}}}, {}),
        ("AWS::CodeBuild::Project", {}, {}),
        ("AWS::ECS::Cluster", {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]}, {}),
        (
            "AWS::ECS::TaskDefinition",
            {"ContainerDefinitions": [{"LogConfiguration": {"LogDriver": "awslogs", "Options": {}}}]},
            {},
        ),
        ("AWS::AppRunner::Service", {}, {}),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
            {},
        ),
    ],
)
def test_whatever_would_be_left_is_found(kind: str, properties: dict[str, Any], more: dict[str, Any]) -> None:
    assert leftovers({"Resources": {"It": {"Type": kind, "Properties": properties, **more}}})


def test_what_goes_with_its_stack_is_not() -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/rds/it"}, "DeletionPolicy": "Delete"}
    function = {"Type": "AWS::Lambda::Function", "Properties": {"LoggingConfig": {"LogGroup": {"Ref": "Logs"}}}}
    emptied = {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"BucketName": {"Ref": "Bucket"}}}
    resources = {"Logs": group, "F": function, "Bucket": {"Type": "AWS::S3::Bucket"}, "Empty": emptied}
    assert leftovers({"Resources": resources}) == []
