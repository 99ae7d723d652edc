from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Annotations, Match, Template

from cdk_app.environments import ENVIRONMENTS
from cdk_app.guardrails import NothingKept, OwnedLogs, guard
from stacks.constructs.provider_logs import own_provider_logs
from stacks.lifetime import Lifetime

GONE = cdk.RemovalPolicy.DESTROY


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(region="us-east-1"))


def errors(stack: cdk.Stack, *aspects: cdk.IAspect) -> list[str]:
    for aspect in aspects:
        cdk.Aspects.of(stack).add(aspect)
    return [str(entry.entry.data) for entry in Annotations.from_stack(stack).find_error("*", Match.any_value())]


def function(stack: cdk.Stack, **given: Any) -> lambda_.Function:
    return lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handle",
        code=lambda_.Code.from_inline("def handle(event, context): ..."),
        **given,
    )


def emptied(stack: cdk.Stack) -> None:
    s3.Bucket(stack, "Bucket", removal_policy=GONE, auto_delete_objects=True)


def test_a_function_without_a_group_for_its_logs_is_refused(stack: cdk.Stack) -> None:
    function(stack)

    (said,) = errors(stack, OwnedLogs())

    assert "log group would belong to nobody" in said


def test_a_function_with_a_group_passes(stack: cdk.Stack) -> None:
    function(stack, log_group=logs.LogGroup(stack, "Logs"))

    assert errors(stack, OwnedLogs()) == []


def test_a_function_of_the_cdk_itself_is_refused_too(stack: cdk.Stack) -> None:
    emptied(stack)

    (said,) = errors(stack, OwnedLogs())

    assert "own_provider_logs" in said


def test_a_function_of_the_cdk_itself_passes_with_an_owned_group(stack: cdk.Stack) -> None:
    emptied(stack)
    own_provider_logs(stack, Lifetime(keep=False, log_days=7))

    assert errors(stack, OwnedLogs()) == []


@pytest.mark.parametrize("policy", ["RETAIN", "SNAPSHOT", "RETAIN_ON_UPDATE_OR_DELETE"])
def test_what_would_outlive_its_stack_is_refused(stack: cdk.Stack, policy: str) -> None:
    cdk.CfnResource(stack, "Volume", type="AWS::EC2::Volume").apply_removal_policy(cdk.RemovalPolicy[policy])

    (said,) = errors(stack, NothingKept())

    assert "would outlive `cdk destroy`" in said


def test_what_goes_with_its_stack_passes(stack: cdk.Stack) -> None:
    cdk.CfnResource(stack, "Volume", type="AWS::EC2::Volume").apply_removal_policy(GONE)
    emptied(stack)
    ecr.Repository(stack, "Images", removal_policy=GONE, empty_on_delete=True)

    assert errors(stack, NothingKept()) == []


def full_bucket(stack: cdk.Stack) -> None:
    s3.Bucket(stack, "Bucket", removal_policy=GONE)


def full_repository(stack: cdk.Stack) -> None:
    ecr.Repository(stack, "Images", removal_policy=GONE)


def protected_database(stack: cdk.Stack) -> None:
    vpc = ec2.Vpc(stack, "Vpc", availability_zones=["us-east-1a", "us-east-1b"])
    engine = rds.DatabaseInstanceEngine.POSTGRES
    rds.DatabaseInstance(stack, "Database", engine=engine, vpc=vpc, removal_policy=GONE, deletion_protection=True)


@pytest.mark.parametrize("make", [full_bucket, full_repository, protected_database])
def test_what_would_not_let_itself_be_deleted_is_refused(stack: cdk.Stack, make: Callable[[cdk.Stack], None]) -> None:
    make(stack)

    (said,) = errors(stack, NothingKept())

    assert "`cdk destroy` would fail" in said


def guarded(environment: str) -> cdk.Stack:
    """A stack of the environment's stage, with one thing in it, which stays."""
    app = cdk.App()
    stage = cdk.Stage(app, "Stage", env=cdk.Environment(region="us-east-1"))
    stack = cdk.Stack(stage, "Stack")
    ssm.StringParameter(stack, "Word", string_value="kept").apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    guard(app, stage, ENVIRONMENTS[environment])
    return stack


def test_every_resource_says_whose_cost_it_is() -> None:
    (word,) = Template.from_stack(guarded("prod")).to_json()["Resources"].values()

    assert word["Properties"]["Tags"] == {"application": "evergreen", "environment": "prod"}


def test_only_an_environment_with_protection_may_keep_things() -> None:
    assert errors(guarded("prod")) == []
    assert len(errors(guarded("dev"))) == 1


def test_a_template_against_the_security_rules_is_refused() -> None:
    app = cdk.App()
    stage = cdk.Stage(app, "Stage", env=cdk.Environment(region="us-east-1"))
    s3.Bucket(cdk.Stack(stage, "Stack"), "Open", removal_policy=GONE)
    guard(app, stage, ENVIRONMENTS["prod"])

    with pytest.raises(RuntimeError, match=r"AwsSolutions-S10[\s\S]*NIST\.800\.53\.R5-S3BucketSSLRequestsOnly"):
        app.synth()
