"""The MLflow server as a Fargate service that replaces its tasks one by one and takes a bad rollout back."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.constructs.image import ReleasedImage
from stacks.constructs.mlflow_program import HEALTH, PORT
from stacks.placement import Placement
from stacks.sizes import TaskSize

CPU_PERCENT = 60


def health_check() -> ecs.HealthCheck:
    """ECS ignores the check in the image. Two minutes to start, since half a vCPU takes its time over the imports."""
    return ecs.HealthCheck(
        command=["CMD", "python", "-I", "-S", "/opt/healthy.py", str(PORT), HEALTH],
        interval=cdk.Duration.seconds(15),
        timeout=cdk.Duration.seconds(5),
        start_period=cdk.Duration.seconds(120),
        retries=3,
    )


class MlflowServer(ecs.FargateService):
    """None of its tasks runs before an image was released; then `size.tasks`, by CPU."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        task: ecs.FargateTaskDefinition,
        image: ReleasedImage,
        size: TaskSize,
        placement: Placement,
        security_group: ec2.ISecurityGroup,
    ) -> None:
        fewest, most = size.tasks
        provider = ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT" if size.spot else "FARGATE", weight=1)
        super().__init__(
            scope,
            id,
            cluster=cluster,
            task_definition=task,
            desired_count=image.count(fewest) if most > fewest else image.least(fewest),
            capacity_provider_strategies=[provider],
            assign_public_ip=placement.public_ip,
            vpc_subnets=placement.tasks,
            security_groups=[security_group],
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        )
        # The cluster brings the capacity providers: there before the service, and in use until it is gone.
        self.node.add_dependency(cluster)
        if most > fewest:
            self._scale(image, fewest, most)

    def _scale(self, image: ReleasedImage, fewest: int, most: int) -> None:
        count = self.auto_scale_task_count(min_capacity=fewest, max_capacity=most)
        count.scale_on_cpu_utilization("Cpu", target_utilization_percent=CPU_PERCENT)
        # It would start the fewest tasks of an image that does not exist yet.
        for part in count.node.find_all():
            if isinstance(part, scaling.CfnScalableTarget | scaling.CfnScalingPolicy):
                part.cfn_options.condition = image.released
