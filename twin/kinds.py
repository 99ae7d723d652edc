"""Which resources there can be after a deployment, and how each service lists its own: data for the inventory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """Resources of one sort, asked for when a template has `type`; `path` finds their ids (JMESPath)."""

    type: str
    service: str
    operation: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    """For what comes along with `type` and is none; else the type says it."""

    @property
    def name(self) -> str:
        return self.label or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.type.rpartition("::")[2]).lower()


def _ec2(type_: str, operation: str, path: str, label: str = "") -> Kind:
    return Kind(f"AWS::EC2::{type_}", "ec2", operation, path, label=label)


RUNNING = "Reservations[].Instances[?State.Name!='terminated'][].InstanceId"
KINDS: tuple[Kind, ...] = (
    Kind("AWS::APS::Workspace", "amp", "list_workspaces", "workspaces[].workspaceId"),
    Kind(
        "AWS::AppRunner::AutoScalingConfiguration",
        "apprunner",
        "list_auto_scaling_configurations",
        "AutoScalingConfigurationSummaryList[].AutoScalingConfigurationArn",
    ),
    Kind(
        "AWS::AppRunner::ObservabilityConfiguration",
        "apprunner",
        "list_observability_configurations",
        "ObservabilityConfigurationSummaryList[].ObservabilityConfigurationArn",
    ),
    Kind("AWS::AppRunner::Service", "apprunner", "list_services", "ServiceSummaryList[].ServiceArn"),
    Kind("AWS::AppRunner::VpcConnector", "apprunner", "list_vpc_connectors", "VpcConnectors[].VpcConnectorArn"),
    Kind(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "application-autoscaling",
        "describe_scalable_targets",
        "ScalableTargets[].ResourceId",
        {"ServiceNamespace": "ecs"},
    ),
    Kind(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "application-autoscaling",
        "describe_scaling_policies",
        "ScalingPolicies[].PolicyARN",
        {"ServiceNamespace": "ecs"},
    ),
    Kind(
        "AWS::CloudFormation::Stack",
        "cloudformation",
        "list_stacks",
        "StackSummaries[?StackStatus!='DELETE_COMPLETE'].StackName",
    ),
    Kind("AWS::CloudWatch::Alarm", "cloudwatch", "describe_alarms", "[MetricAlarms, CompositeAlarms][][].AlarmName"),
    Kind("AWS::CloudWatch::Dashboard", "cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName"),
    Kind("AWS::CodeBuild::Project", "codebuild", "list_projects", "projects[]"),
    Kind("AWS::CodeConnections::Connection", "codeconnections", "list_connections", "Connections[].ConnectionArn"),
    Kind("AWS::CodePipeline::Pipeline", "codepipeline", "list_pipelines", "pipelines[].name"),
    Kind("AWS::DynamoDB::Table", "dynamodb", "list_tables", "TableNames[]"),
    _ec2("EIP", "describe_addresses", "Addresses[].AllocationId"),
    _ec2("FlowLog", "describe_flow_logs", "FlowLogs[].FlowLogId"),
    _ec2("Instance", "describe_instances", RUNNING),
    _ec2("Instance", "describe_volumes", "Volumes[].VolumeId", "volume"),
    _ec2("InternetGateway", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    _ec2("NatGateway", "describe_nat_gateways", "NatGateways[?State!='deleted'].NatGatewayId"),
    _ec2("RouteTable", "describe_route_tables", "RouteTables[].RouteTableId"),
    _ec2("SecurityGroup", "describe_security_groups", "SecurityGroups[].GroupId"),
    _ec2("Subnet", "describe_subnets", "Subnets[].SubnetId"),
    _ec2("VPC", "describe_vpcs", "Vpcs[].VpcId"),
    _ec2("VPC", "describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId", "network interface"),
    _ec2("VPC", "describe_network_acls", "NetworkAcls[].NetworkAclId", "network acl"),
    _ec2("VPCEndpoint", "describe_vpc_endpoints", "VpcEndpoints[?State!='deleted'].VpcEndpointId"),
    Kind("AWS::ECR::Repository", "ecr", "describe_repositories", "repositories[].repositoryName"),
    Kind("AWS::ECS::Cluster", "ecs", "list_clusters", "clusterArns[]"),
    Kind("AWS::ECS::TaskDefinition", "ecs", "list_task_definitions", "taskDefinitionArns[]", {"status": "ACTIVE"}),
    Kind(
        "AWS::ECS::TaskDefinition",
        "ecs",
        "list_task_definitions",
        "taskDefinitionArns[]",
        {"status": "INACTIVE"},
        "inactive task definition",
    ),
    Kind(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "elbv2",
        "describe_load_balancers",
        "LoadBalancers[].LoadBalancerArn",
    ),
    Kind(
        "AWS::ElasticLoadBalancingV2::TargetGroup", "elbv2", "describe_target_groups", "TargetGroups[].TargetGroupArn"
    ),
    Kind("AWS::Events::Rule", "events", "list_rules", "Rules[].Name"),
    Kind("AWS::Grafana::Workspace", "grafana", "list_workspaces", "workspaces[].id"),
    Kind("AWS::IAM::InstanceProfile", "iam", "list_instance_profiles", "InstanceProfiles[].InstanceProfileName"),
    Kind("AWS::IAM::ManagedPolicy", "iam", "list_policies", "Policies[].Arn", {"Scope": "Local"}),
    Kind("AWS::IAM::OIDCProvider", "iam", "list_open_id_connect_providers", "OpenIDConnectProviderList[].Arn"),
    Kind("AWS::IAM::Role", "iam", "list_roles", "Roles[].RoleName"),
    Kind("AWS::KMS::Alias", "kms", "list_aliases", "Aliases[].AliasName"),
    Kind("AWS::Lambda::Function", "lambda", "list_functions", "Functions[].FunctionName"),
    Kind(
        "AWS::Lambda::Function",
        "lambda",
        "list_layers",
        "Layers[].LatestMatchingVersion.LayerVersionArn",
        label="layer version",
    ),
    Kind("AWS::Logs::LogGroup", "logs", "describe_log_groups", "logGroups[].logGroupName"),
    Kind("AWS::RDS::DBInstance", "rds", "describe_db_instances", "DBInstances[].DBInstanceIdentifier"),
    Kind(
        "AWS::RDS::DBInstance",
        "rds",
        "describe_db_snapshots",
        "DBSnapshots[].DBSnapshotIdentifier",
        label="database snapshot",
    ),
    Kind(
        "AWS::RDS::DBParameterGroup",
        "rds",
        "describe_db_parameter_groups",
        "DBParameterGroups[].DBParameterGroupName",
    ),
    Kind("AWS::RDS::DBSubnetGroup", "rds", "describe_db_subnet_groups", "DBSubnetGroups[].DBSubnetGroupName"),
    Kind("AWS::S3::Bucket", "s3", "list_buckets", "Buckets[].Name"),
    Kind("AWS::SNS::Topic", "sns", "list_topics", "Topics[].TopicArn"),
    Kind("AWS::SNS::Topic", "sns", "list_subscriptions", "Subscriptions[].SubscriptionArn", label="subscription"),
    Kind("AWS::SQS::Queue", "sqs", "list_queues", "QueueUrls[]"),
    Kind("AWS::SSM::Parameter", "ssm", "describe_parameters", "Parameters[].Name"),
    Kind(
        "AWS::SecretsManager::Secret",
        "secretsmanager",
        "list_secrets",
        "SecretList[].ARN",
        {"IncludePlannedDeletion": True},
    ),
    Kind("AWS::ServiceDiscovery::PrivateDnsNamespace", "servicediscovery", "list_namespaces", "Namespaces[].Id"),
    Kind(
        "AWS::ServiceDiscovery::PrivateDnsNamespace", "route53", "list_hosted_zones", "HostedZones[].Id", label="zone"
    ),
    Kind("AWS::ServiceDiscovery::Service", "servicediscovery", "list_services", "Services[].Id"),
)
ALWAYS = frozenset({
    "AWS::CloudFormation::Stack", "AWS::ECR::Repository", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role",
    "AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::SSM::Parameter",
})  # fmt: skip
"""Of these are CDK's own bootstrap stack and the seeds, whatever is deployed."""

WITHIN: Mapping[str, str] = {
    "AWS::APS::RuleGroupsNamespace": "its workspace",
    "AWS::CDK::Metadata": "its stack: it makes nothing",
    "AWS::CloudFormation::CustomResource": "what its function makes",
    "AWS::CloudFormation::WaitConditionHandle": "its stack: it makes nothing",
    "AWS::EC2::EC2Fleet": "its instances",
    "AWS::EC2::Route": "its route table",
    "AWS::EC2::SecurityGroupEgress": "its security group",
    "AWS::EC2::SecurityGroupIngress": "its security group",
    "AWS::EC2::SubnetRouteTableAssociation": "its route table",
    "AWS::EC2::VPCGatewayAttachment": "its VPC",
    "AWS::ECS::ClusterCapacityProviderAssociations": "its cluster",
    "AWS::ECS::Service": "its cluster",
    "AWS::ElasticLoadBalancingV2::Listener": "its load balancer",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "its load balancer",
    "AWS::IAM::Policy": "its role",
    "AWS::KMS::Key": "its alias: a deleted key waits for its end, unlisted by name",
    "AWS::Lambda::EventInvokeConfig": "its function",
    "AWS::Lambda::Permission": "its function",
    "AWS::Lambda::Url": "its function",
    "AWS::S3::BucketPolicy": "its bucket",
    "AWS::SNS::Subscription": "its topic",
    "AWS::SNS::TopicPolicy": "its topic",
    "AWS::SQS::QueuePolicy": "its queue",
    "AWS::SecretsManager::SecretTargetAttachment": "its secret",
    "Custom::AppRunnerLogs": "its log groups",
    "Custom::S3AutoDeleteObjects": "its bucket: it empties it",
    "Custom::VpcRestrictDefaultSG": "its VPC",
}
"""Types that are gone with another, and with which."""


@dataclass(frozen=True)
class Remainder:
    """What may be left, whose id matches wholly, and why."""

    service: str
    kind: str
    id: str
    reason: str


BOOTSTRAP = "`cdk bootstrap` made it, once an account and region; `cdk destroy` leaves it for other applications"
REMAINDERS: tuple[Remainder, ...] = (
    Remainder("cloudformation", "stack", "CDKToolkit", BOOTSTRAP),
    Remainder("s3", "bucket", "cdk-hnb659fds-assets-.*", BOOTSTRAP),
    Remainder("ecr", "repository", "cdk-hnb659fds-container-assets-.*", BOOTSTRAP),
    Remainder("iam", "role", "cdk-hnb659fds-.*", BOOTSTRAP),
    Remainder("iam", "managed policy", ".*:policy/CDKToolkit-.*", BOOTSTRAP),
    Remainder("ssm", "parameter", "/cdk-bootstrap/hnb659fds/version", BOOTSTRAP),
    Remainder(
        "lambda", "layer version", ".*:layer:AWSLambdaPowertoolsPythonV3.*", "AWS' own on AWS; the twin published it"
    ),
    Remainder(
        "ecs",
        "inactive task definition",
        ".*",
        "CloudFormation deregisters a definition and leaves it inactive, on AWS too",
    ),
)
