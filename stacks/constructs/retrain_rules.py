"""The rules that bring events to one function: each retried for a while, then a dead letter."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

RETRIES = 8
TICK = cdk.Duration.minutes(15)
ENDED = ["SUCCEEDED", "FAILED", "STOPPED", "CANCELED", "SUPERSEDED"]
"""States of a stage or an execution after which it does nothing more."""


class RetrainRules(Construct):
    """Call one method for each kind of event."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        dead_letters: sqs.IQueue,
        patience: cdk.Duration,
    ) -> None:
        super().__init__(scope, id)
        self._function = function
        self._dead_letters = dead_letters
        self._patience = patience

    def objects(self, bucket: s3.IBucket) -> None:
        """Every new object. The function refuses what asks for nothing, so that each refusal is logged and counted."""
        detail = {"bucket": {"name": [bucket.bucket_name]}}
        self._on("Objects", events.EventPattern(source=["aws.s3"], detail_type=["Object Created"], detail=detail))

    def schedule(self, expression: str) -> None:
        self._rule("Schedule", schedule=events.Schedule.expression(expression))

    def tick(self) -> None:
        """For what waits: nothing else may happen when a cooldown is over."""
        said = events.RuleTargetInput.from_object({"source": "evergreen.retrain", "detail-type": "Tick"})
        self._rule("Tick", schedule=events.Schedule.rate(TICK), said=said)

    def alarms(self, alarms: Sequence[cloudwatch.IAlarm]) -> None:
        pattern = events.EventPattern(
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            resources=[alarm.alarm_arn for alarm in alarms],
            detail={"state": {"value": ["ALARM"]}},
        )
        self._on("Drift", pattern)

    def ends(self, pipeline: codepipeline.IPipeline, stage: str) -> None:
        """When a run has passed or failed the stage, and when it is over."""
        kinds = {"Stage": {"stage": [stage], "state": ENDED}, "Pipeline": {"state": ENDED}}
        for kind, detail in kinds.items():
            pattern = events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=[f"CodePipeline {kind} Execution State Change"],
                resources=[pipeline.pipeline_arn],
                detail=detail,
            )
            self._on(f"{kind}Ended", pattern)

    def _on(self, id: str, pattern: events.EventPattern) -> None:
        self._rule(id, pattern=pattern)

    def _rule(
        self,
        id: str,
        *,
        pattern: events.EventPattern | None = None,
        schedule: events.Schedule | None = None,
        said: events.RuleTargetInput | None = None,
    ) -> None:
        target = targets.LambdaFunction(
            self._function,
            dead_letter_queue=self._dead_letters,
            max_event_age=self._patience,
            retry_attempts=RETRIES,
            event=said,
        )
        events.Rule(self, id, event_pattern=pattern, schedule=schedule, targets=[target])
