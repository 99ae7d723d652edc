"""As many tasks as the requests need."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.front_door import FrontDoor
from stacks.constructs.image import ReleasedImage

Policy = scaling.CfnScalingPolicy
COOLDOWN_SECONDS = {"out": 30, "in": 300}


class RequestScaling(Construct):
    """Holds the requests a minute that a task gets near `requests`, with between `tasks` (fewest, most) of them.

    The predefined metric belongs to one target group, and a canary changes groups with each rollout: so both are added.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        service: ecs.FargateService,
        door: FrontDoor,
        tasks: tuple[int, int],
        requests: int,
        image: ReleasedImage,
    ) -> None:
        super().__init__(scope, id)
        fewest, most = tasks
        target = scaling.ScalableTarget(
            self,
            "Target",
            service_namespace=scaling.ServiceNamespace.ECS,
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{service.cluster.cluster_name}/{service.service_name}",
            min_capacity=image.least(fewest),
            max_capacity=most,
            role=_service_linked_role(self),
        )
        groups = {"blue": door.blue, "green": door.green}
        queries = [_requests(name, door, group.target_group_full_name) for name, group in groups.items()]
        total = Policy.TargetTrackingMetricDataQueryProperty(
            id="total", expression=" + ".join(f"FILL({name}, 0)" for name in groups), return_data=True
        )
        scaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=cdk.Names.unique_resource_name(self),
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.scalable_target_id,
            target_tracking_scaling_policy_configuration=Policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=requests,
                scale_out_cooldown=COOLDOWN_SECONDS["out"],
                scale_in_cooldown=COOLDOWN_SECONDS["in"],
                customized_metric_specification=Policy.CustomizedMetricSpecificationProperty(metrics=[*queries, total]),
            ),
        )


def _requests(name: str, door: FrontDoor, group: str) -> Policy.TargetTrackingMetricDataQueryProperty:
    dimensions = {"LoadBalancer": door.balancer.load_balancer_full_name, "TargetGroup": group}
    metric = Policy.TargetTrackingMetricProperty(
        namespace="AWS/ApplicationELB",
        metric_name="RequestCountPerTarget",
        dimensions=[
            Policy.TargetTrackingMetricDimensionProperty(name=key, value=value) for key, value in dimensions.items()
        ],
    )
    stat = Policy.TargetTrackingMetricStatProperty(metric=metric, stat="Sum")
    return Policy.TargetTrackingMetricDataQueryProperty(id=name, metric_stat=stat, return_data=False)


def _service_linked_role(scope: Construct) -> iam.IRole:
    """The account's own for this; AWS takes no other, and the construct would make one that nobody uses."""
    name = (
        "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
    )
    arn = cdk.Stack.of(scope).format_arn(service="iam", region="", resource="role", resource_name=name)
    return iam.Role.from_role_arn(scope, "ServiceLinkedRole", arn)
