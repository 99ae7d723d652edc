"""Choices that no shipped environment makes must still synthesise, and pass the rule packs that theirs pass."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from cdk_app.build import build_app
from cdk_app.choices import Ecs, Network, Serving, Tracking, Training, Triggers
from cdk_app.config import Environment
from cdk_app.environments import DEV, PROD
from tests.support.stacks import flags

PUBLIC: dict[str, Any] = {
    "exposure": "public",
    "authentication": True,
    "certificate": "arn:aws:acm:us-east-1:111122223333:certificate/mlflow",
    "domain": "mlflow.example.com",
}
WITHOUT_NAT = Network(zones=DEV.network.zones, nat="none")


def changed(environment: Environment, **changes: Any) -> Environment:
    return Environment(**{**dict(environment), **changes})


def large(**changes: Any) -> Tracking:
    return Tracking(**{**dict(PROD.tracking), **changes})


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(
            changed(DEV, network=WITHOUT_NAT, tracking=Tracking(**PUBLIC), training=Training(inside=False)), id="no-nat"
        ),
        pytest.param(changed(DEV, triggers=Triggers(starts="github")), id="github"),
        pytest.param(changed(DEV, serving=Serving(ecs=Ecs(canary=None))), id="no-canary"),
        pytest.param(changed(DEV, customer_key=True, training=Training(sagemaker="ml.m5.large")), id="key-sagemaker"),
        pytest.param(changed(PROD, tracking=large(exposure="internal")), id="internal"),
    ],
)
def test_every_choice_synthesises_and_passes_the_rule_packs(environment: Environment) -> None:
    app = cdk.App(context=flags())
    platform = build_app(app, environment)
    assert len(app.synth().get_nested_assembly(platform.artifact_id).stacks) == 11


def test_a_task_may_decrypt_the_login_that_it_is_started_with() -> None:
    app = cdk.App(context=flags())
    platform = build_app(app, changed(PROD, tracking=large(**PUBLIC)))
    [serving] = [
        stack for stack in app.synth().get_nested_assembly(platform.artifact_id).stacks if "Serving" in stack.stack_name
    ]
    roles = {
        name: json.dumps(resource["Properties"]["PolicyDocument"])
        for name, resource in serving.template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Policy" and "TaskExecutionRole" in name
    }
    assert roles
    for policy in roles.values():
        assert "secretsmanager:GetSecretValue" in policy
        assert "kms:Decrypt" in policy
