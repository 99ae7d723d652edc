"""Two zones, a way out of them as an environment can pay for, and a record of who talked to whom."""

from __future__ import annotations

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.logs import OwnedLogGroup
from stacks.constructs.nat_instance import NatInstance
from stacks.constructs.provider_logs import own_provider_logs
from stacks.lifetime import Lifetime
from stacks.placement import Placement

Nat = Literal["none", "instance", "gateway"]
ADDRESSES = "10.0.0.0/16"
PUBLIC, PRIVATE, ISOLATED = (
    ec2.SubnetType.PUBLIC,
    ec2.SubnetType.PRIVATE_WITH_EGRESS,
    ec2.SubnetType.PRIVATE_ISOLATED,
)


class Network(cdk.Stack):
    """`nat`: none puts tasks into the public subnets, instance is one for both zones, gateway is one in each."""

    def __init__(self, scope: Construct, id: str, *, zones: tuple[str, str], nat: Nat, lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        instance = NatInstance() if nat == "instance" else None
        vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=list(zones),
            ip_addresses=ec2.IpAddresses.cidr(ADDRESSES),
            nat_gateways={"none": 0, "instance": 1, "gateway": len(zones)}[nat],
            nat_gateway_provider=instance.provider if instance else None,
            subnet_configuration=_subnets(private=nat != "none"),
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            flow_logs={"FlowLog": self._flow_log(lifetime)},
            restrict_default_security_group=True,
        )
        own_provider_logs(self, lifetime)
        acknowledge(vpc, OPEN_TO_THE_INTERNET)
        if instance:
            instance.furnish(ADDRESSES)
        self.placement = Placement(
            vpc=vpc,
            tasks=ec2.SubnetSelection(subnet_type=PUBLIC if nat == "none" else PRIVATE),
            data=ec2.SubnetSelection(subnet_type=ISOLATED),
            public_ip=nat == "none",
            jump_host=instance.provider.security_group if instance else None,
        )

    def _flow_log(self, lifetime: Lifetime) -> ec2.FlowLogOptions:
        """Through a role of its own: the one that the CDK makes may also pass itself on, which nothing needs."""
        group = OwnedLogGroup(self, "FlowLogs", lifetime=lifetime)
        writing = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources=[group.log_group_arn],
        )
        ours = {"StringEquals": {"aws:SourceAccount": self.account}}
        role = iam.Role(
            self,
            "FlowLogRole",
            assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com", conditions=ours),
            managed_policies=[iam.ManagedPolicy(self, "WriteFlowLogs", statements=[writing])],
        )
        destination = ec2.FlowLogDestination.to_cloud_watch_logs(group, role.without_policy_updates())
        return ec2.FlowLogOptions(destination=destination)


def _subnets(*, private: bool) -> list[ec2.SubnetConfiguration]:
    public = ec2.SubnetConfiguration(name="Public", subnet_type=PUBLIC, cidr_mask=24, map_public_ip_on_launch=False)
    tasks = ec2.SubnetConfiguration(name="Private", subnet_type=PRIVATE, cidr_mask=20)
    data = ec2.SubnetConfiguration(name="Data", subnet_type=ISOLATED, cidr_mask=24)
    return [public, tasks, data] if private else [public, data]


OPEN_TO_THE_INTERNET = {
    "NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW": "Only the public subnets have it, for load balancers and NAT.",
}
