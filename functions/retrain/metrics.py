"""Counts in the log, from where CloudWatch takes them."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Evergreen"


class EmbeddedMetrics:
    """Every count once by problem, where the alarms look, and once by problem and reason, where a person does."""

    def count(self, name: str, problem: str, reason: str = "") -> None:
        for dimensions in ({"Problem": problem}, {"Problem": problem, "Reason": reason}):
            if all(dimensions.values()):
                with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
                    for dimension, value in dimensions.items():
                        metric.add_dimension(name=dimension, value=value)
