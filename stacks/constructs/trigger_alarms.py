"""What wakes a person: events that nobody could handle, runs that were held back, models that drift."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.names import pascal

NAMESPACE = "Evergreen"
SIGNIFICANT = 0.2
"""Population stability index above which a distribution counts as changed. Siddiqi, Credit Risk Scorecards, 2006."""
FAILURES = 3
"""Errors of one event that failed for good: the first attempt and Lambda's two retries."""
OPERATIONS = [dynamodb.Operation.GET_ITEM, dynamodb.Operation.PUT_ITEM, dynamodb.Operation.UPDATE_ITEM]
EMPTY = "empty object"
"""Why the function refused a file that somebody meant as data; its other reasons are of files that ask for nothing."""
UNUSUAL = 20
"""Requests an hour that a cooldown holds back: more come from a loop or a program than from people."""


def problem_metric(
    name: str, problem: str, *, statistic: str, period: cdk.Duration, reason: str | None = None
) -> cloudwatch.Metric:
    """A metric of one problem; with a reason, only what was counted for that one."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"Problem": problem} if reason is None else {"Problem": problem, "Reason": reason},
        statistic=statistic,
        period=period,
    )


class QuietAlarm(cloudwatch.Alarm):
    """One data point is enough, no data is fine, and it is told."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        alerts: sns.ITopic,
        above: bool = False,
    ) -> None:
        compare = cloudwatch.ComparisonOperator
        super().__init__(
            scope,
            id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=compare.GREATER_THAN_THRESHOLD if above else compare.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        self.add_alarm_action(actions.SnsAction(alerts))


class DriftAlarm(QuietAlarm):
    """The metric is written once an hour or more rarely; a problem that is not watched never drifts."""

    def __init__(self, scope: Construct, id: str, *, problem: str, alerts: sns.ITopic) -> None:
        super().__init__(
            scope,
            id,
            metric=problem_metric("Drift", problem, statistic="Maximum", period=cdk.Duration.hours(1)),
            threshold=SIGNIFICANT,
            description=f"What is asked of {problem} no longer looks like what it learnt from; a run is asked for",
            alerts=alerts,
            above=True,
        )


class TriggerAlarms(Construct):
    """On the function, its memory and its dead letters, and for each problem on what was held back."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        memory: dynamodb.ITable,
        dead_letters: sqs.IQueue,
        problems: Sequence[str],
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self._alerts = alerts
        minutes, hour = cdk.Duration.minutes, cdk.Duration.hours(1)
        waiting = dead_letters.metric_approximate_number_of_messages_visible(statistic="Maximum", period=minutes(5))
        errors = function.metric_errors(statistic="Sum", period=minutes(15))
        throttles = function.metric_throttles(statistic="Sum", period=minutes(5))
        refused = memory.metric_throttled_requests_for_operations(operations=OPERATIONS, period=minutes(5))
        self._alarm("Memory", refused, 1, "The table of runs refuses requests: events wait for their retries")
        self._alarm("DeadLetters", waiting, 1, "An event could not be handled: read the queue, mend, redrive")
        self._alarm("Errors", errors, FAILURES, "Events fail in the retrain function: read its log")
        self._alarm("Throttles", throttles, 1, "The account has too little Lambda concurrency for the retrain function")
        for problem in problems:
            held = Construct(self, pascal(problem))
            counted = {
                "CapReached": (1, "has used up its runs of today"),
                "LockExpired": (1, "held its lock too long: a run hangs, or its end was never told"),
                "HeldBack": (UNUSUAL, "asks for runs far more often than its cooldown allows"),
            }
            for name, (threshold, words) in counted.items():
                metric = problem_metric(name, problem, statistic="Sum", period=hour)
                self._alarm(name, metric, threshold, f"{problem} {words}", scope=held)
            empty = problem_metric("Refused", problem, statistic="Sum", period=hour, reason=EMPTY)
            self._alarm("EmptyData", empty, 1, f"{problem} was sent an empty file: no run starts from it", scope=held)

    def _alarm(
        self, id: str, metric: cloudwatch.IMetric, threshold: float, words: str, *, scope: Construct | None = None
    ) -> None:
        QuietAlarm(scope or self, id, metric=metric, threshold=threshold, description=words, alerts=self._alerts)
