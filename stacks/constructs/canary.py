"""How new tasks take over from old ones: some of the traffic first, watched by alarms, after a function's yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.front_door import FrontDoor
from stacks.sizes import CanarySteps

READS = ("DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth")
PATIENCE_MINUTES = 15


class Canary(Construct):
    """`details` is handed to the hook, a function, in each of its calls."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        door: FrontDoor,
        steps: CanarySteps,
        alarms: Sequence[cloudwatch.IAlarm],
        hook: lambda_.IFunction,
        details: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self.steps = steps
        self.alarms = alarms
        self._door = door
        self._hook = hook
        self._details = details
        self._asker = self._role("Asker", {hook.function_arn: ["lambda:InvokeFunction"]})
        self._shifter = self._traffic_shifter()

    @property
    def target(self) -> ecs.AlternateTarget:
        rule = ecs.ListenerRuleConfiguration.application_listener_rule
        return ecs.AlternateTarget(
            "Green",
            alternate_target_group=self._door.green,
            production_listener=rule(self._door.production),
            test_listener=rule(self._door.test),
            role=self._shifter,
        )

    @property
    def configuration(self) -> ecs.TrafficShiftConfig:
        bake = cdk.Duration.minutes(self.steps.step_minutes)
        return ecs.TrafficShiftConfig(step_percent=self.steps.percent, step_bake_time=bake)

    def guard(self, service: ecs.FargateService) -> None:
        """Stop on an alarm; ask the hook once the new tasks have the test traffic, before a user sees them."""
        service.enable_deployment_alarms(
            [alarm.alarm_name for alarm in self.alarms], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
        )
        hook = {
            "HookTargetArn": self._hook.function_arn,
            "RoleArn": self._asker.role_arn,
            "LifecycleStages": [ecs.DeploymentLifecycleStage.POST_TEST_TRAFFIC_SHIFT.value],
            "HookDetails": dict(self._details),
            "TimeoutConfiguration": {"TimeoutInMinutes": PATIENCE_MINUTES, "Action": "ROLLBACK"},
        }
        resource = service.node.default_child
        assert isinstance(resource, ecs.CfnService)
        # The service's own method takes a hook without details.
        resource.add_property_override("DeploymentConfiguration.LifecycleHooks", [hook])
        service.node.add_dependency(self._asker, self._shifter)

    def _traffic_shifter(self) -> iam.Role:
        """What AmazonECSInfrastructureRolePolicyForLoadBalancers allows on every balancer, for this one."""
        door = self._door
        groups = [door.blue.target_group_arn, door.green.target_group_arn]
        rules = [door.production.listener_rule_arn, door.test.listener_rule_arn]
        role = self._role(
            "Shifter",
            {
                "*": [f"elasticloadbalancing:{read}" for read in READS],
                door.listener.listener_arn: ["elasticloadbalancing:ModifyListener"],
                **{rule: ["elasticloadbalancing:ModifyRule"] for rule in rules},
                **{
                    group: [f"elasticloadbalancing:{verb}Targets" for verb in ("Register", "Deregister")]
                    for group in groups
                },
            },
        )
        acknowledge(
            role, {"AwsSolutions-IAM5[Resource::*]": "Describing load balancers knows no resource-level permissions."}
        )
        return role

    def _role(self, id: str, allowed: Mapping[str, list[str]]) -> iam.Role:
        role = iam.Role(self, id, assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"))
        for resource, actions in allowed.items():
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        return role
