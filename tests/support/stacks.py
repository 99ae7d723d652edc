"""Templates for tests: of one stack beside simple neighbours, or of a whole environment, each synthesised once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template
from constructs import Construct

from cdk_app.build import build_app, chosen
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.tracking_access import TrackingAccess

ROOT = Path(__file__).parents[2]


class Neighbours(cdk.Stack):
    """What other stacks would hand over, in its simplest form."""

    def __init__(self, scope: Construct, *, keep: bool = False) -> None:
        super().__init__(scope, "Neighbours")
        self.lifetime = Lifetime(keep=keep, log_days=7)
        self.alerts = sns.Topic(self, "Alerts")
        vpc = ec2.Vpc(
            self, "Vpc", availability_zones=["us-east-1a", "us-east-1b"], restrict_default_security_group=False
        )
        self.placement = Placement(
            vpc=vpc,
            tasks=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            data=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            public_ip=False,
        )
        self.repository = ecr.Repository(self, "Images")
        self.clients = ec2.SecurityGroup(self, "Clients", vpc=vpc)
        self.tracking = TrackingAccess(uri="http://mlflow.internal:5000", clients=self.clients)

    def bucket(self, id: str) -> s3.Bucket:
        return s3.Bucket(self, id)


def template_of(make: Callable[[Any, Neighbours], cdk.Stack]) -> Template:
    """The template of the stack that `make` adds to a stage. Synthesis takes a second: once a module."""
    stage = cdk.Stage(cdk.App(context=flags()), "Test", env=cdk.Environment(region="us-east-1"))
    return Template.from_stack(make(stage, Neighbours(stage)))


@cache
def templates(environment: str, target: str | None = None) -> dict[str, dict[str, Any]]:
    """Every template of an environment by stack, such as `Storage`. The rule packs are for `make synth`."""
    app = cdk.App(context=flags())
    platform = build_app(app, chosen(environment, target), packs=False)
    stacks = app.synth().get_nested_assembly(platform.artifact_id).stacks
    return {stack.stack_name.partition("-")[2]: stack.template for stack in stacks}


@cache
def flags() -> dict[str, Any]:
    """The feature flags of cdk.json, which only the CLI reads by itself."""
    import json

    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context
