"""A container image as App Runner services, which exist once an image was released."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_apprunner as apprunner
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.image import ReleasedImage
from stacks.placement import Placement
from stacks.sizes import InstanceSize

Service = apprunner.CfnService
LONGEST_NAME = 40


class AppRunner(Construct):
    """What the services of one stack share: how they scale, how they reach the VPC, traces, the right to pull."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ReleasedImage,
        size: InstanceSize,
        placement: Placement,
        clients: ec2.ISecurityGroup,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, id)
        self.image = image
        self.size = size
        self.key = key
        fewest, most = size.instances
        self.scaling = apprunner.CfnAutoScalingConfiguration(
            self, "Scaling", max_concurrency=size.concurrency, min_size=fewest, max_size=most
        )
        group = ec2.SecurityGroup(self, "Group", vpc=placement.vpc, description="What the services send leaves by this")
        self.connector = apprunner.CfnVpcConnector(
            self,
            "Connector",
            subnets=_subnets(placement),
            security_groups=[group.security_group_id, clients.security_group_id],
        )
        self.traces = apprunner.CfnObservabilityConfiguration(
            self,
            "Traces",
            trace_configuration=apprunner.CfnObservabilityConfiguration.TraceConfigurationProperty(vendor="AWSXRAY"),
        )
        self.puller = self._puller()

    def _puller(self) -> iam.Role:
        role = iam.Role(self, "Puller", assumed_by=iam.ServicePrincipal("build.apprunner.amazonaws.com"))
        repository = self.image.repository
        repository.grant_pull(role)
        repository.grant(role, "ecr:DescribeImages")
        reason = "ecr:GetAuthorizationToken knows no resource-level permissions."
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": reason})
        return role


class AppRunnerService(Construct):
    """`credentials`: a secret, and which of its fields become which variables.

    The name is given and not left to App Runner: metrics and log groups go by it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        runner: AppRunner,
        port: int,
        health_path: str,
        environment: Mapping[str, str],
        credentials: tuple[secretsmanager.ISecret, Mapping[str, str]] | None,
    ) -> None:
        super().__init__(scope, id)
        self.name = cdk.Names.unique_resource_name(
            self, max_length=LONGEST_NAME, separator="-", allowed_special_characters="-"
        )
        self.role = self._instance_role()
        size = runner.size
        self.resource = Service(
            self,
            "Service",
            service_name=self.name,
            source_configuration=self._source(runner, self._image(port, environment, credentials)),
            instance_configuration=Service.InstanceConfigurationProperty(
                cpu=str(size.cpu), memory=str(size.memory), instance_role_arn=self.role.role_arn
            ),
            auto_scaling_configuration_arn=runner.scaling.attr_auto_scaling_configuration_arn,
            network_configuration=Service.NetworkConfigurationProperty(
                egress_configuration=Service.EgressConfigurationProperty(
                    egress_type="VPC", vpc_connector_arn=runner.connector.attr_vpc_connector_arn
                )
            ),
            health_check_configuration=Service.HealthCheckConfigurationProperty(
                protocol="HTTP", path=health_path, interval=10, timeout=5, healthy_threshold=1, unhealthy_threshold=10
            ),
            observability_configuration=Service.ServiceObservabilityConfigurationProperty(
                observability_enabled=True,
                observability_configuration_arn=runner.traces.attr_observability_configuration_arn,
            ),
            encryption_configuration=Service.EncryptionConfigurationProperty(kms_key=runner.key.key_arn)
            if runner.key
            else None,
        )
        self.resource.cfn_options.condition = runner.image.released
        self.resource.node.add_dependency(self.role, runner.puller)

    @property
    def url(self) -> str:
        """Only where the image is released."""
        return f"https://{self.resource.attr_service_url}"

    def _instance_role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("tasks.apprunner.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])
        )
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "Traces know no resource-level permissions."})
        return role

    def _source(
        self, runner: AppRunner, configuration: Service.ImageConfigurationProperty
    ) -> Service.SourceConfigurationProperty:
        """Nothing is deployed because a tag moved: a rollout is an update of the stack."""
        return Service.SourceConfigurationProperty(
            auto_deployments_enabled=False,
            authentication_configuration=Service.AuthenticationConfigurationProperty(
                access_role_arn=runner.puller.role_arn
            ),
            image_repository=Service.ImageRepositoryProperty(
                image_identifier=runner.image.uri,
                image_repository_type="ECR",
                image_configuration=configuration,
            ),
        )

    def _image(
        self,
        port: int,
        environment: Mapping[str, str],
        credentials: tuple[secretsmanager.ISecret, Mapping[str, str]] | None,
    ) -> Service.ImageConfigurationProperty:
        return Service.ImageConfigurationProperty(
            port=str(port),
            runtime_environment_variables=_pairs(environment),
            runtime_environment_secrets=self._secrets(*credentials) if credentials else None,
        )

    def _secrets(self, secret: secretsmanager.ISecret, fields: Mapping[str, str]) -> list[Service.KeyValuePairProperty]:
        secret.grant_read(self.role)
        return _pairs({name: f"{secret.secret_arn}:{field}::" for name, field in fields.items()})


def _pairs(values: Mapping[str, str]) -> list[Service.KeyValuePairProperty]:
    return [Service.KeyValuePairProperty(name=name, value=value) for name, value in values.items()]


def _subnets(placement: Placement) -> list[str]:
    chosen = placement.tasks
    return placement.vpc.select_subnets(subnet_type=chosen.subnet_type, subnets=chosen.subnets).subnet_ids
