"""A Fargate service behind a front door, rolled out as a canary or task by task."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.constructs.canary import Canary
from stacks.constructs.front_door import FrontDoor
from stacks.placement import Placement


class BalancedService(ecs.FargateService):
    """The task's first container is the one that gets requests, on `port`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        task: ecs.FargateTaskDefinition,
        door: FrontDoor,
        port: int,
        count: float,
        spot: bool,
        placement: Placement,
        security_groups: Sequence[ec2.ISecurityGroup],
        canary: Canary | None,
    ) -> None:
        provider = ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT" if spot else "FARGATE", weight=1)
        super().__init__(
            scope,
            id,
            cluster=cluster,
            task_definition=task,
            desired_count=count,
            capacity_provider_strategies=[provider],
            assign_public_ip=placement.public_ip,
            vpc_subnets=placement.tasks,
            security_groups=security_groups,
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=cdk.Duration.seconds(60),
            # With a canary the alarms judge: the breaker knows only whether tasks start.
            circuit_breaker=None if canary else ecs.DeploymentCircuitBreaker(rollback=True),
            deployment_strategy=ecs.DeploymentStrategy.CANARY if canary else ecs.DeploymentStrategy.ROLLING,
            canary_configuration=canary.configuration if canary else None,
            bake_time=cdk.Duration.minutes(canary.steps.bake_minutes) if canary else None,
        )
        container = task.default_container
        assert container is not None
        target = self.load_balancer_target(
            container_name=container.container_name,
            container_port=port,
            alternate_target=canary.target if canary else None,
        )
        target.attach_to_application_target_group(door.blue)
        if canary:
            canary.guard(self)
        # The cluster brings the capacity providers: there before the service, and in use until it is gone.
        self.node.add_dependency(cluster, door.production, door.test)
        cdk.Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-ecs:shouldUseCircuitBreaker", "With a canary the alarms and the hook judge."
        )
