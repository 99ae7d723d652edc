"""What every serving target gives, so that an environment can pick one by a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

PORT = 8000
HEALTH = "/readyz"
"""Says 503 until a model is loaded."""
ALIVE = "/livez"
"""Says 200 as soon as the process answers."""
NOT_RELEASED = "none"
"""What an endpoint's parameter says until the first release."""

FEW = 50
"""Good requests a minute that an error rate counts beside those that were: one probe that failed is no rate."""


@dataclass(frozen=True)
class ServiceMetrics:
    """What the dashboard draws of one service; latencies in seconds."""

    requests: cloudwatch.IMetric
    client_errors: cloudwatch.IMetric
    server_errors: cloudwatch.IMetric
    p50: cloudwatch.IMetric
    p95: cloudwatch.IMetric
    p99: cloudwatch.IMetric


class ServingTarget(Protocol):
    """By problem: the parameter that holds the base URL, its metrics and alarms. One function verifies releases."""

    @property
    def endpoints(self) -> Mapping[str, ssm.IStringParameter]: ...

    @property
    def metrics(self) -> Mapping[str, ServiceMetrics]: ...

    @property
    def alarms(self) -> Mapping[str, Sequence[cloudwatch.IAlarm]]: ...

    @property
    def verifier(self) -> lambda_.IFunction: ...
