"""What wakes someone about one service: it is slow, it fails, it says nothing."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.image import ReleasedImage

SLOW_SECONDS = 5
ERRORS_PERCENT = 5


class ServiceAlarms(Construct):
    """`latency` is p99 in seconds, `errors` a percentage of the requests.

    Two of three minutes, so that an alarm is early enough to stop a canary and one bad minute is not enough.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        latency: cloudwatch.IMetric,
        errors: cloudwatch.IMetric,
        image: ReleasedImage,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self._image = image
        self._action = actions.SnsAction(alerts)
        self.latency = self._above("Latency", latency, SLOW_SECONDS, f"p99 latency is above {SLOW_SECONDS} s")
        self.errors = self._above("Errors", errors, ERRORS_PERCENT, f"over {ERRORS_PERCENT} % of requests fail")
        self.all = [self.latency, self.errors]

    def on_silence(self, sign: cloudwatch.IMetric) -> None:
        """Alarm when `sign`, which every running task reports, stays away; not before the first release."""
        alarm = cloudwatch.Alarm(
            self,
            "Silence",
            metric=sign,
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=10,
            alarm_description="no task of the service reports anything",
        )
        resource = alarm.node.default_child
        assert isinstance(resource, cloudwatch.CfnAlarm)
        resource.treat_missing_data = self._image.when_released("breaching", "notBreaching")
        alarm.add_alarm_action(self._action)
        self.all.append(alarm)

    def _above(self, id: str, metric: cloudwatch.IMetric, threshold: float, description: str) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(self._action)
        return alarm
