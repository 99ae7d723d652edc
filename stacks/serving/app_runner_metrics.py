"""What App Runner counts of a service."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.serving.target import FEW, ServiceMetrics

NAMESPACE = "AWS/AppRunner"
MINUTE = cdk.Duration.minutes(1)


def searched_metrics(name: str) -> ServiceMetrics:
    """For a dashboard, found by the service's name.

    Its id comes with the first release, and CloudFormation refuses to change a value that another stack imports.
    """
    return ServiceMetrics(
        requests=_search(name, "Requests", "Sum"),
        client_errors=_search(name, "4xxStatusResponses", "Sum"),
        server_errors=_search(name, "5xxStatusResponses", "Sum"),
        p50=_seconds(name, "p50"),
        p95=_seconds(name, "p95"),
        p99=_seconds(name, "p99"),
    )


def metric(dimensions: dict[str, str], metric_name: str, statistic: str) -> cloudwatch.Metric:
    """For an alarm, which can search for nothing. Latency is in milliseconds."""
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=metric_name, dimensions_map=dimensions, statistic=statistic, period=MINUTE
    )


def error_percentage(dimensions: dict[str, str]) -> cloudwatch.IMetric:
    """Of all that was asked and a FEW."""
    return cloudwatch.MathExpression(
        expression=f"100 * FILL(failed, 0) / (asked + {FEW})",
        using_metrics={
            "asked": metric(dimensions, "Requests", "Sum"),
            "failed": metric(dimensions, "5xxStatusResponses", "Sum"),
        },
        period=MINUTE,
        label="Server errors, % of requests",
    )


def latency(dimensions: dict[str, str], statistic: str) -> cloudwatch.IMetric:
    """In seconds."""
    return cloudwatch.MathExpression(
        expression="milliseconds / 1000",
        using_metrics={"milliseconds": metric(dimensions, "RequestLatency", statistic)},
        period=MINUTE,
        label=statistic,
    )


def _search(name: str, metric_name: str, statistic: str) -> cloudwatch.SearchExpression:
    return cloudwatch.SearchExpression(
        expression=_query(name, metric_name, statistic), label=metric_name, period=MINUTE
    )


def _seconds(name: str, statistic: str) -> cloudwatch.SearchExpression:
    expression = f"{_query(name, 'RequestLatency', statistic)} / 1000"
    return cloudwatch.SearchExpression(expression=expression, label=statistic, period=MINUTE)


def _query(name: str, metric_name: str, statistic: str) -> str:
    found = f'{{{NAMESPACE},ServiceName,ServiceID}} MetricName="{metric_name}" ServiceName="{name}"'
    return f"SEARCH('{found}', '{statistic}', {MINUTE.to_seconds()})"
