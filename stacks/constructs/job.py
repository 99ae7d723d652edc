"""A step of the delivery pipeline that runs in the training image, in the pipeline's own checkout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.findings import wildcard
from stacks.constructs.image import ReleasedImage
from stacks.constructs.logs import OwnedLogGroup
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.tracking_access import TrackingAccess

Compute = Literal["small", "medium", "large"]
COMPUTE = {
    "small": codebuild.ComputeType.SMALL,
    "medium": codebuild.ComputeType.MEDIUM,
    "large": codebuild.ComputeType.LARGE,
}


class TrainingJob(codebuild.PipelineProject):
    """Reaches MLflow; may do nothing else until something is granted to it.

    `placement` None runs it outside of the VPC, from where only a public tracking server can be reached.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ReleasedImage,
        spec: codebuild.BuildSpec,
        environment: Mapping[str, str],
        tracking: TrackingAccess,
        placement: Placement | None,
        compute: Compute,
        timeout: cdk.Duration,
        lifetime: Lifetime,
    ) -> None:
        given = {**environment, "EVERGREEN_IMAGE": image.uri}
        variables = {name: codebuild.BuildEnvironmentVariable(value=value) for name, value in given.items()}
        super().__init__(
            scope,
            id,
            build_spec=spec,
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.from_ecr_repository(image.repository, image.tag),
                compute_type=COMPUTE[compute],
            ),
            environment_variables={**variables, **tracking_variables(tracking)},
            vpc=placement.vpc if placement else None,
            subnet_selection=placement.tasks if placement else None,
            security_groups=[tracking.clients] if placement else None,
            timeout=timeout,
            encryption_key=lifetime.key,
            logging=owned_logs(scope, f"{id}Logs", lifetime),
            grant_report_group_permissions=False,
        )
        accept_codebuild(self, lifetime)


PATIENT = {
    "EVERGREEN_TRACKING_PATIENCE": "300",
    "AWS_RETRY_MODE": "standard",
    "AWS_MAX_ATTEMPTS": "10",
}
"""A job outlives a tracking server that is replaced, as one on spot capacity is, and an S3 that says SlowDown."""


def tracking_variables(tracking: TrackingAccess) -> dict[str, codebuild.BuildEnvironmentVariable]:
    """What an MLflow client reads; a login comes from its secret when the job starts."""
    given = {"MLFLOW_TRACKING_URI": tracking.uri, **PATIENT}
    variables = {name: codebuild.BuildEnvironmentVariable(value=value) for name, value in given.items()}
    if tracking.credentials is not None:
        for name, field in {"MLFLOW_TRACKING_USERNAME": "username", "MLFLOW_TRACKING_PASSWORD": "password"}.items():
            variables[name] = codebuild.BuildEnvironmentVariable(
                type=codebuild.BuildEnvironmentVariableType.SECRETS_MANAGER,
                value=f"{tracking.credentials.secret_arn}:{field}",
            )
    return variables


def owned_logs(scope: Construct, id: str, lifetime: Lifetime) -> codebuild.LoggingOptions:
    """The stack's own log group instead of one that CodeBuild makes and nobody deletes."""
    group = OwnedLogGroup(scope, id, lifetime=lifetime)
    return codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=group))


def accept_codebuild(project: codebuild.Project, lifetime: Lifetime) -> None:
    """What every project brings with it, whatever it builds."""
    acknowledge(
        project,
        {
            "AwsSolutions-IAM5[Resource::*]": "A registry's login and network interfaces know no resources.",
            "AwsSolutions-CB5": "The image is of this account's own repository; the rule cannot read a condition.",
            wildcard(project, INTERFACES): "CodeBuild makes the interface, under the condition of its subnets.",
            wildcard(project, _log_streams(project)): "The streams of the project's own logs.",
        },
    )
    acknowledge(project, KEY if lifetime.key else NO_KEY)


INTERFACES = f"arn:{cdk.Aws.PARTITION}:ec2:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:network-interface/*"
KEY = {
    f"AwsSolutions-IAM5[Action::kms:{action}*]": "The variants of the action, with the one key of the environment."
    for action in ("GenerateDataKey", "ReEncrypt")
}
NO_KEY = {"AwsSolutions-CB4": "Without a key of its own an environment uses the one that AWS manages for S3."}


def _log_streams(project: codebuild.Project) -> str:
    stack = cdk.Stack.of(project)
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"/aws/codebuild/{project.project_name}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
