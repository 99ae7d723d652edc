"""What a load balancer counts of the service behind it, whichever target group has the traffic."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from stacks.serving.target import FEW, ServiceMetrics

MINUTE = cdk.Duration.minutes(1)


def balancer_metrics(balancer: elbv2.ApplicationLoadBalancer) -> ServiceMetrics:
    requests = balancer.metrics.request_count(period=MINUTE, statistic="Sum")
    return ServiceMetrics(
        requests=requests,
        client_errors=_code(balancer, elbv2.HttpCodeTarget.TARGET_4XX_COUNT),
        server_errors=_server_errors(balancer),
        p50=_latency(balancer, "p50"),
        p95=_latency(balancer, "p95"),
        p99=_latency(balancer, "p99"),
    )


def error_percentage(balancer: elbv2.ApplicationLoadBalancer) -> cloudwatch.IMetric:
    """Of all that was asked and a FEW; the balancer does not count a request that no task took."""
    return cloudwatch.MathExpression(
        expression=f"100 * (FILL(failed, 0) + FILL(refused, 0)) / (FILL(asked, 0) + FILL(refused, 0) + {FEW})",
        using_metrics={
            "asked": balancer.metrics.request_count(period=MINUTE, statistic="Sum"),
            "failed": _code(balancer, elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
            "refused": _refused(balancer),
        },
        period=MINUTE,
        label="Server errors, % of requests",
    )


def _server_errors(balancer: elbv2.ApplicationLoadBalancer) -> cloudwatch.IMetric:
    return cloudwatch.MathExpression(
        expression="FILL(failed, 0) + FILL(refused, 0)",
        using_metrics={
            "failed": _code(balancer, elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
            "refused": _refused(balancer),
        },
        period=MINUTE,
        label="Server errors",
    )


def _code(balancer: elbv2.ApplicationLoadBalancer, code: elbv2.HttpCodeTarget) -> cloudwatch.Metric:
    return balancer.metrics.http_code_target(code, period=MINUTE, statistic="Sum")


def _refused(balancer: elbv2.ApplicationLoadBalancer) -> cloudwatch.Metric:
    return balancer.metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT, period=MINUTE, statistic="Sum")


def _latency(balancer: elbv2.ApplicationLoadBalancer, statistic: str) -> cloudwatch.Metric:
    return balancer.metrics.target_response_time(period=MINUTE, statistic=statistic)
