"""Serve on App Runner: no load balancer, no tasks, no canary; one service a problem."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.constructs.acknowledge import INLINE_POLICIES, acknowledge
from stacks.constructs.app_runner import AppRunner, AppRunnerService
from stacks.constructs.app_runner_logs import AppRunnerLogs
from stacks.constructs.image import ReleasedImage
from stacks.constructs.names import pascal
from stacks.constructs.service_alarms import ServiceAlarms
from stacks.constructs.verifier import Verifier
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.serving.app_runner_metrics import error_percentage, latency, metric, searched_metrics
from stacks.serving.program import CREDENTIALS, environment, permit
from stacks.serving.target import HEALTH, NOT_RELEASED, PORT, ServiceMetrics
from stacks.sizes import InstanceSize
from stacks.tracking_access import TrackingAccess


class AppRunnerServing(cdk.Stack):
    """A service is made by the first rollout, after the first model: so its health check asks for a model."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        problems: tuple[str, ...],
        placement: Placement,
        repository: ecr.IRepository,
        artifacts: s3.IBucket,
        capture: s3.IBucket,
        tracking: TrackingAccess,
        size: InstanceSize,
        lifetime: Lifetime,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self.image = ReleasedImage(self, "Image", repository=repository)
        self.alerts = alerts
        runner = AppRunner(
            self,
            "AppRunner",
            image=self.image,
            size=size,
            placement=placement,
            clients=tracking.clients,
            key=lifetime.key,
        )
        services = {problem: self._service(problem, runner, tracking, capture) for problem in problems}
        for problem, service in services.items():
            permit(service.role, problem=problem, artifacts=artifacts, capture=capture)
        logs = AppRunnerLogs(self, "Logs", names=[service.name for service in services.values()], lifetime=lifetime)
        for problem, service in services.items():
            logs.own(pascal(problem), service.resource)
        self.endpoints = {problem: self._endpoint(problem, service) for problem, service in services.items()}
        self.verifier = Verifier(self, "Verifier", endpoints=self.endpoints, lifetime=lifetime)
        self.metrics: dict[str, ServiceMetrics] = {
            problem: searched_metrics(service.name) for problem, service in services.items()
        }
        self.alarms: dict[str, Sequence[cloudwatch.IAlarm]] = {
            problem: self._alarms(problem, service) for problem, service in services.items()
        }
        acknowledge(self, INLINE_POLICIES)

    def _service(
        self, problem: str, runner: AppRunner, tracking: TrackingAccess, capture: s3.IBucket
    ) -> AppRunnerService:
        return AppRunnerService(
            self,
            pascal(problem),
            runner=runner,
            port=PORT,
            health_path=HEALTH,
            environment=environment(problem, tracking, capture),
            credentials=(tracking.credentials, CREDENTIALS) if tracking.credentials else None,
        )

    def _endpoint(self, problem: str, service: AppRunnerService) -> ssm.StringParameter:
        url = self.image.when_released(service.url, NOT_RELEASED)
        parameter = ssm.StringParameter(self, f"{pascal(problem)}Endpoint", string_value=url)
        cdk.CfnOutput(self, f"{pascal(problem)}Url", value=parameter.string_value)
        return parameter

    def _alarms(self, problem: str, service: AppRunnerService) -> list[cloudwatch.Alarm]:
        identity = self.image.when_released(service.resource.attr_service_id, NOT_RELEASED)
        dimensions = {"ServiceName": service.name, "ServiceID": identity}
        alarms = ServiceAlarms(
            self,
            f"{pascal(problem)}Alarms",
            latency=latency(dimensions, "p99"),
            errors=error_percentage(dimensions),
            image=self.image,
            alerts=self.alerts,
        )
        alarms.on_silence(metric(dimensions, "MemoryUtilization", "Average"))
        return alarms.all
