"""A word to the alerts topic when ECS takes a rollout back."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct


class RolloutNotice(events.Rule):
    """The circuit breaker's rollback is silent otherwise: the old tasks go on, and every alarm stays quiet."""

    def __init__(self, scope: Construct, id: str, *, service: ecs.FargateService, alerts: sns.ITopic) -> None:
        super().__init__(
            scope,
            id,
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Deployment State Change"],
                resources=[service.service_arn],
                detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            ),
        )
        # An object and no text: EventBridge quotes its values, and a reason may hold a quote itself.
        told = {
            "what": f"{service.node.path}: the rollout failed and was taken back",
            "said": events.EventField.from_path("$.detail.reason"),
        }
        self.add_target(targets.SnsTopic(alerts, message=events.RuleTargetInput.from_object(told)))
