"""Training on a SageMaker instance: the role of such jobs, and the right to start them, in the same training image."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.findings import wildcard
from stacks.constructs.image import ReleasedImage
from stacks.constructs.objects import grant_deleting, grant_reading, grant_writing
from stacks.placement import Placement
from stacks.tracking_access import TrackingAccess

PREFIX = "evergreen-"
"""What the names of the jobs begin with: ops/training_job.py gives them."""
EXCHANGE = "jobs/*"
"""Where the checkout goes in and the results come out, in the bucket of artifacts."""
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class SageMakerJobs(Construct):
    """`environment` is what ops/training_job.py reads; `role` is what the jobs themselves may do."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        instance: str,
        image: ReleasedImage,
        tracking: TrackingAccess,
        placement: Placement | None,
        exchange: s3.IBucket,
        timeout: cdk.Duration,
    ) -> None:
        super().__init__(scope, id)
        self._exchange = exchange
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        image.repository.grant_pull(self.role)
        grant_reading(exchange, self.role, EXCHANGE)
        grant_writing(exchange, self.role, EXCHANGE)
        self._allow_logs()
        if tracking.credentials is not None:
            tracking.credentials.grant_read(self.role)
        if placement is not None:
            self._allow_interfaces()
        self._accept()
        self.environment = {
            "SAGEMAKER_BUCKET": exchange.bucket_name,
            "SAGEMAKER_ROLE": self.role.role_arn,
            "SAGEMAKER_IMAGE": image.uri,
            "SAGEMAKER_INSTANCE": instance,
            "SAGEMAKER_SECONDS": str(timeout.to_seconds()),
            "SAGEMAKER_SECRET": tracking.credentials.secret_arn if tracking.credentials else "",
            **_network(placement, tracking),
        }

    def grant_starting(self, starter: iam.Role) -> None:
        """Start jobs of this role, follow and stop them, and exchange files with them."""
        jobs = cdk.Stack.of(self).format_arn(service="sagemaker", resource="training-job", resource_name=f"{PREFIX}*")
        iam.Grant.add_to_principal(
            grantee=starter,
            actions=["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"],
            resource_arns=[jobs],
        )
        iam.Grant.add_to_principal(
            grantee=starter,
            actions=["iam:PassRole"],
            resource_arns=[self.role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        grant_reading(self._exchange, starter, EXCHANGE)
        grant_writing(self._exchange, starter, EXCHANGE)
        grant_deleting(self._exchange, starter, EXCHANGE)
        acknowledge(starter, {wildcard(self, jobs): "A job's name ends with the moment at which it was started."})

    def _allow_logs(self) -> None:
        """SageMaker names the group itself and all jobs of an account share it, so no stack can own it."""
        group = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{LOG_GROUP}*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        iam.Grant.add_to_principal(
            grantee=self.role,
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resource_arns=[group],
        )
        acknowledge(self.role, {wildcard(self, group): "As above: the group and its streams are SageMaker's."})

    def _allow_interfaces(self) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ec2:CreateNetworkInterface",
                    "ec2:CreateNetworkInterfacePermission",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DeleteNetworkInterfacePermission",
                    "ec2:DescribeDhcpOptions",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcs",
                ],
                resources=["*"],
            )
        )

    def _accept(self) -> None:
        reason = "A registry's login and what SageMaker does with network interfaces know no resources."
        acknowledge(self.role, {"AwsSolutions-IAM5[Resource::*]": reason})


def _network(placement: Placement | None, tracking: TrackingAccess) -> Mapping[str, str]:
    if placement is None:
        return {"SAGEMAKER_SUBNETS": "", "SAGEMAKER_SECURITY_GROUPS": ""}
    chosen = placement.tasks
    subnets = placement.vpc.select_subnets(
        subnet_type=chosen.subnet_type, subnet_group_name=chosen.subnet_group_name, subnets=chosen.subnets
    ).subnet_ids
    return {
        "SAGEMAKER_SUBNETS": ",".join(subnets),
        "SAGEMAKER_SECURITY_GROUPS": tracking.clients.security_group_id,
    }
