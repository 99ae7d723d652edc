"""A Lambda of `functions/`: arm64, powertools, traced, with a log group of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.logs import OwnedLogGroup
from stacks.lifetime import Lifetime

SOURCE = Path(__file__).parents[2] / "functions"
POWERTOOLS = "/aws/service/powertools/python/arm64/python3.13/latest"


class PythonFunction(lambda_.Function):
    """`package` is a package of `functions/` whose module `handler` has a function `handle`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        package: str,
        environment: Mapping[str, str],
        lifetime: Lifetime,
        timeout: cdk.Duration,
        memory: int = 256,
        concurrency: int | None = None,
        dead_letters: sqs.IQueue | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
    ) -> None:
        layer = ssm.StringParameter.value_for_string_parameter(scope, POWERTOOLS)
        logs = OwnedLogGroup(scope, f"{id}Logs", lifetime=lifetime)
        role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        # Not AWS's managed policy, which may make groups: a late line would bring a deleted group back.
        logs.grant_write(role)
        super().__init__(
            scope,
            id,
            role=role,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(SOURCE), exclude=["**/__pycache__"]),
            handler=f"{package}.handler.handle",
            environment=environment,
            layers=[lambda_.LayerVersion.from_layer_version_arn(scope, f"{id}Powertools", layer)],
            log_group=logs,
            logging_format=lambda_.LoggingFormat.JSON,
            memory_size=memory,
            timeout=timeout,
            reserved_concurrent_executions=concurrency,
            tracing=lambda_.Tracing.ACTIVE,
            dead_letter_queue=dead_letters,
            environment_encryption=lifetime.key,
            vpc=vpc,
            vpc_subnets=subnets,
            security_groups=security_groups,
        )
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "Traces know no resource-level permissions."})
        acknowledge(
            self,
            {
                "AwsSolutions-L1": "The powertools layer and the tests are of Python 3.13; both move together.",
            },
        )
