"""Serve on ECS: Fargate behind a load balancer, a canary for every new image."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.constructs.acknowledge import INLINE_POLICIES, acknowledge
from stacks.constructs.balanced_service import BalancedService
from stacks.constructs.canary import Canary
from stacks.constructs.front_door import FrontDoor
from stacks.constructs.image import ReleasedImage
from stacks.constructs.managed_prometheus import ManagedPrometheus
from stacks.constructs.names import pascal
from stacks.constructs.request_scaling import RequestScaling
from stacks.constructs.service_alarms import ServiceAlarms
from stacks.constructs.verifier import Verifier
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.serving.balancer_metrics import balancer_metrics, error_percentage
from stacks.serving.service_task import ServiceTask
from stacks.serving.target import ALIVE, NOT_RELEASED, PORT, ServiceMetrics
from stacks.sizes import CanarySteps, TaskSize
from stacks.tracking_access import TrackingAccess


class EcsServing(cdk.Stack):
    """One service a problem, each behind a balancer of its own. `requests` is what a task should get a minute."""

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
        access_logs: s3.IBucket,
        tracking: TrackingAccess,
        size: TaskSize,
        requests: int,
        canary: CanarySteps | None,
        certificate: str | None,
        domain: str | None,
        prometheus: ManagedPrometheus | None,
        lifetime: Lifetime,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self.image = ReleasedImage(self, "Image", repository=repository)
        self.placement = placement
        self.size = size
        self.requests = requests
        self.canary = canary
        self.alerts = alerts
        self.cluster = self._cluster()
        self.clients = ec2.SecurityGroup.from_security_group_id(
            self, "Clients", tracking.clients.security_group_id, mutable=False
        )
        doors = {
            problem: FrontDoor(
                self,
                f"{pascal(problem)}Door",
                vpc=placement.vpc,
                port=PORT,
                health_path=ALIVE,
                certificate=certificate,
                host=f"{problem.replace('_', '-')}.{domain}" if domain else None,
                access_logs=access_logs,
                prefix=f"serving/{problem}",
                keep=lifetime.keep,
            )
            for problem in problems
        }
        self.endpoints = {problem: self._endpoint(problem, door) for problem, door in doors.items()}
        self.verifier = Verifier(self, "Verifier", endpoints=self.endpoints, lifetime=lifetime)
        self.metrics: dict[str, ServiceMetrics] = {}
        self.alarms: dict[str, Sequence[cloudwatch.IAlarm]] = {}
        for problem, door in doors.items():
            task = ServiceTask(
                self,
                f"{pascal(problem)}Task",
                problem=problem,
                image=self.image,
                size=size,
                tracking=tracking,
                artifacts=artifacts,
                capture=capture,
                prometheus=prometheus,
                lifetime=lifetime,
            )
            self._serve(problem, door, task)
        acknowledge(self, INLINE_POLICIES)

    def _cluster(self) -> ecs.Cluster:
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self.placement.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
        )
        acknowledge(
            cluster,
            {
                "AwsSolutions-ECS4": "The balancer's and the service's own metrics are watched. Insights cost more "
                "than a small task and write to a log group that comes back after its stack is gone.",
            },
        )
        return cluster

    def _endpoint(self, problem: str, door: FrontDoor) -> ssm.StringParameter:
        url = self.image.when_released(door.url, NOT_RELEASED)
        parameter = ssm.StringParameter(self, f"{pascal(problem)}Endpoint", string_value=url)
        cdk.CfnOutput(self, f"{pascal(problem)}Url", value=parameter.string_value)
        cdk.CfnOutput(self, f"{pascal(problem)}Balancer", value=door.balancer.load_balancer_dns_name)
        return parameter

    def _serve(self, problem: str, door: FrontDoor, task: ServiceTask) -> None:
        name = pascal(problem)
        metrics = balancer_metrics(door.balancer)
        alarms = ServiceAlarms(
            self,
            f"{name}Alarms",
            latency=metrics.p99,
            errors=error_percentage(door.balancer),
            image=self.image,
            alerts=self.alerts,
        )
        service = BalancedService(
            self,
            f"{name}Service",
            cluster=self.cluster,
            task=task,
            door=door,
            port=PORT,
            count=self.image.count(self.size.tasks[0]),
            spot=self.size.spot,
            placement=self.placement,
            security_groups=[ec2.SecurityGroup(self, f"{name}Group", vpc=self.placement.vpc), self.clients],
            canary=self._canary(problem, door, alarms),
        )
        # The hook reads the address while the service is being updated.
        service.node.add_dependency(self.endpoints[problem])
        alarms.on_silence(service.metric_memory_utilization(period=cdk.Duration.minutes(1)))
        RequestScaling(
            self,
            f"{name}Scaling",
            service=service,
            door=door,
            tasks=self.size.tasks,
            requests=self.requests,
            image=self.image,
        )
        self.metrics[problem] = metrics
        self.alarms[problem] = alarms.all

    def _canary(self, problem: str, door: FrontDoor, alarms: ServiceAlarms) -> Canary | None:
        if self.canary is None:
            return None
        return Canary(
            self,
            f"{pascal(problem)}Canary",
            door=door,
            steps=self.canary,
            alarms=[alarms.latency, alarms.errors],
            hook=self.verifier,
            details={"problem": problem, "released": self.image.when_released("true", "false")},
        )
