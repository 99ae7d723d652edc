"""One command in a task of its own whenever its definition changes, and nobody goes on before it has succeeded."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.findings import wildcard
from stacks.constructs.function import PythonFunction
from stacks.constructs.image import ReleasedImage
from stacks.constructs.mlflow_task import CONTAINER, STREAM, MlflowTask
from stacks.lifetime import Lifetime
from stacks.placement import Placement

TIMEOUT = cdk.Duration.minutes(14)
"""More than the 13 minutes that functions/migrate gives the task, less than Lambda's 15."""


class Migration(Construct):
    """What depends on `run` waits for the task's end. Nothing runs before an image was released."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        task: MlflowTask,
        image: ReleasedImage,
        placement: Placement,
        security_group: ec2.ISecurityGroup,
        lifetime: Lifetime,
    ) -> None:
        super().__init__(scope, id)
        runner = PythonFunction(
            self, "Runner", package="migrate", environment={}, lifetime=lifetime, timeout=TIMEOUT, memory=256
        )
        rights = self._allow(runner, cluster, task)
        self.run = cdk.CustomResource(
            self,
            "Run",
            service_token=runner.function_arn,
            properties={
                "Released": image.when_released("true", "false"),
                "Cluster": cluster.cluster_name,
                "TaskDefinition": task.task_definition_arn,
                "Subnets": _subnets(placement),
                "SecurityGroup": security_group.security_group_id,
                "PublicIp": "ENABLED" if placement.public_ip else "DISABLED",
                "LogGroup": task.log_group.log_group_name,
                "LogStream": f"{STREAM}/{CONTAINER}",
            },
        )
        self.run.node.add_dependency(runner, rights, task, security_group)
        resource = self.run.node.default_child
        assert isinstance(resource, cdk.CfnResource)
        # Its own property gives a text where CloudFormation asks for a number.
        resource.add_property_override("ServiceTimeout", TIMEOUT.to_seconds() + 60)

    def _allow(self, runner: PythonFunction, cluster: ecs.ICluster, task: MlflowTask) -> iam.Policy:
        stack = cdk.Stack.of(self)
        # Any revision: a policy that changed a moment ago is not in force everywhere yet.
        definitions = stack.format_arn(service="ecs", resource="task-definition", resource_name=f"{task.family}:*")
        tasks = stack.format_arn(service="ecs", resource="task", resource_name=f"{cluster.cluster_name}/*")
        roles = [role.role_arn for role in (task.task_role, task.execution_role) if role is not None]
        allowed = [
            iam.PolicyStatement(actions=["ecs:RunTask"], resources=[definitions]),
            iam.PolicyStatement(actions=["ecs:DescribeTasks", "ecs:StopTask"], resources=[tasks]),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=roles,
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
            iam.PolicyStatement(actions=["logs:GetLogEvents"], resources=[task.log_group.log_group_arn]),
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[stack.stack_id]),
        ]
        role = runner.role
        assert role is not None
        rights = iam.Policy(self, "Rights", statements=allowed, roles=[role])
        acknowledge(
            rights,
            {
                wildcard(self, definitions): "The revision comes into being with the deployment that asks for it.",
                wildcard(self, tasks): "A task has its name when it has been started.",
            },
        )
        acknowledge(runner, UNUSUAL)
        return rights


def _subnets(placement: Placement) -> list[str]:
    chosen = placement.tasks
    return placement.vpc.select_subnets(
        subnet_type=chosen.subnet_type, subnet_group_name=chosen.subnet_group_name, subnets=chosen.subnets
    ).subnet_ids


UNUSUAL = {
    "NIST.800.53.R5-LambdaConcurrency": "CloudFormation asks once per deployment of the stack, and waits.",
    "NIST.800.53.R5-LambdaDLQ": "A deployment without an answer fails by itself, in front of whoever started it.",
    "NIST.800.53.R5-LambdaInsideVPC": "It speaks to AWS's own APIs alone, and in the VPC would need a way out to them.",
}
