from __future__ import annotations

from typing import Any

import pytest

from ops.policies import Wildcard, wildcards
from ops.values import flat

BUCKET = {"Fn::GetAtt": ["Bucket", "Arn"]}
OBJECTS = {"Fn::Join": ["", [BUCKET, "/capture/*"]]}


def policy(action: Any, resource: Any, effect: str = "Allow") -> dict[str, Any]:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return {
        "Resources": {"P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}}
    }


def arn(service: str, resource: str) -> Any:
    return {"Fn::Join": ["", [f"arn:aws:{service}:us-east-1:", {"Ref": "AWS::AccountId"}, f":{resource}"]]}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "*"),
        ("s3:GetObject", [BUCKET, "*"]),
        ("s3:GetObject", "arn:aws:s3:::*"),
        ("s3:GetObject", "arn:aws:s3:::*/data/*"),
        ("sqs:SendMessage", arn("sqs", "*")),
        ("dynamodb:GetItem", arn("dynamodb", "table/*")),
        ("logs:PutLogEvents", arn("logs", "log-group:*")),
        ("logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/aws/thing"),
    ],
)
def test_a_permission_that_names_no_resource_is_open(action: str, resource: Any) -> None:
    (found,) = wildcards(policy(action, resource))
    assert (found.holder, found.kind, found.action, found.avoidable) == ("P", "resource", action, True)


@pytest.mark.parametrize(
    "resource",
    [
        BUCKET,
        OBJECTS,
        "arn:aws:s3:::named/*",
        arn("iam", "role/cdk-hnb659fds-deploy-role-*"),
        arn("logs", "log-group:/aws/codebuild/train:*"),
        {"Fn::ImportValue": "Dev-Storage:ExportsOutputRefBucket"},
    ],
)
def test_what_lies_in_one_named_resource_is_not_open(resource: Any) -> None:
    assert wildcards(policy(["s3:GetObject", "s3:List*"], resource)) == []


def test_some_actions_can_be_given_on_everything_only() -> None:
    found = wildcards(policy(["xray:PutTraceSegments", "ec2:DescribeSubnets", "ec2:RunInstances"], "*"))
    assert {each.action for each in found if each.avoidable} == {"ec2:RunInstances"}


def test_all_actions_of_a_service_are_open_even_on_one_resource() -> None:
    assert wildcards(policy("s3:*", BUCKET)) == [Wildcard("P", "action", "s3:*", "${Bucket.Arn}")]
    assert wildcards(policy("*", BUCKET))[0].avoidable


def test_a_refusal_may_be_as_wide_as_it_likes() -> None:
    assert wildcards(policy("s3:*", "*", effect="Deny")) == []


def test_saying_what_is_left_out_opens_everything_else() -> None:
    statement = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": BUCKET}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}}
    assert {each.kind for each in wildcards({"Resources": {"R": role}})} == {"action", "resource"}


def test_a_policy_that_aws_wrote_is_listed() -> None:
    managed = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/service-role/Basic"]]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": [managed, {"Ref": "Ours"}]}}
    assert wildcards({"Resources": {"R": role}}) == [Wildcard("R", "managed", "Basic", "*")]


def test_a_keys_own_policy_means_that_key() -> None:
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": "root"}}
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [statement]}}}
    assert wildcards({"Resources": {"K": key}}) == []


def test_values_are_read_as_one_line() -> None:
    assert flat(OBJECTS) == "${Bucket.Arn}/capture/*"
    assert flat({"Fn::Sub": "arn:aws:s3:::${Bucket}"}) == "arn:aws:s3:::${Bucket}"
    assert flat({"Fn::ImportValue": "Dev-Storage:Output"}) == "${Dev-Storage:Output}"
