"""The MLflow server: its database, its address, and the migration that comes before each of its rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.acknowledge import INLINE_POLICIES, acknowledge
from stacks.constructs.database import PostgresDatabase
from stacks.constructs.image import ReleasedImage
from stacks.constructs.migration import Migration
from stacks.constructs.mlflow_balancer import MlflowBalancer
from stacks.constructs.mlflow_login import MlflowLogin
from stacks.constructs.mlflow_program import PORT, migrate, serve, settings
from stacks.constructs.mlflow_server import MlflowServer, health_check
from stacks.constructs.mlflow_task import MlflowTask
from stacks.constructs.objects import grant_reading
from stacks.constructs.private_name import PrivateName
from stacks.constructs.rollout_notice import RolloutNotice
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.sizes import DatabaseSize, TaskSize
from stacks.tracking_access import TrackingAccess

Exposure = Literal["private", "internal", "public"]
PREFIX = "mlflow"
FORWARDED = ("localhost:*", "127.0.0.1:*")
"""What the server is called at a person's end of a forwarded port."""
NO_LONG_LOCKS = "-c lock_timeout=30s"
"""A migration that waits for a lock makes everybody else wait behind it: better to fail and try again."""


class Tracking(cdk.Stack):
    """`exposure`: private is a name in the VPC, internal a balancer in it, public one on the internet with a login."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement,
        repository: ecr.IRepository,
        artifacts: s3.IBucket,
        access_logs: s3.IBucket,
        size: TaskSize,
        database: DatabaseSize,
        exposure: Exposure,
        certificate: str | None,
        domain: str | None,
        protect: bool,
        lifetime: Lifetime,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        public = exposure == "public"
        clients = ec2.SecurityGroup(self, "Clients", vpc=placement.vpc, description="Whoever holds it may use MLflow")
        tasks = ec2.SecurityGroup(
            self, "Tasks", vpc=placement.vpc, allow_all_outbound=False, description="The tasks of MLflow"
        )
        tasks.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS")
        self.database = PostgresDatabase(
            self, "Database", name="mlflow", placement=placement, size=database, protect=protect, lifetime=lifetime
        )
        self.database.admit(tasks)
        guests = [group for group in (clients, placement.jump_host) if group]
        if exposure == "private":
            address: PrivateName | MlflowBalancer = PrivateName(
                self, "Address", vpc=placement.vpc, name="mlflow", port=PORT, tasks=tasks, guests=guests
            )
        else:
            address = MlflowBalancer(
                self,
                "Address",
                placement=placement,
                guests=None if public else guests,
                certificate=certificate,
                domain=domain,
                access_logs=access_logs,
                protect=protect,
            )
        login = MlflowLogin(self, "Login", lifetime=lifetime) if public else None
        image = ReleasedImage(self, "MlflowImage", repository=repository)
        shared: Mapping[str, Any] = {"image": image, "database": self.database, "login": login, "lifetime": lifetime}
        server = MlflowTask(
            self,
            "Server",
            cpu=size.cpu,
            memory=size.memory,
            command=serve(login=public),
            environment=settings(
                artifacts=f"s3://{artifacts.bucket_name}/{PREFIX}",
                hosts=(*address.hosts, *FORWARDED),
                origins=address.origins,
            ),
            health_check=health_check(),
            port=PORT,
            **shared,
        )
        grant_reading(artifacts, server.role, f"{PREFIX}/*")
        migration = MlflowTask(
            self,
            "Migration",
            cpu=512,
            memory=1024,
            command=migrate(login=public),
            environment={"PGOPTIONS": NO_LONG_LOCKS},
            **shared,
        )
        running: Mapping[str, Any] = {
            "cluster": self._cluster(placement.vpc),
            "image": image,
            "placement": placement,
            "security_group": tasks,
        }
        migrated = Migration(self, "Migrate", task=migration, lifetime=lifetime, **running)
        self.service = MlflowServer(self, "Service", task=server, size=size, **running)
        self.service.node.add_dependency(migrated.run)
        address.lead_to(self.service)
        RolloutNotice(self, "RolloutNotice", service=self.service, alerts=alerts)
        self.access = TrackingAccess(uri=address.uri, clients=clients, credentials=login.credentials if login else None)
        acknowledge(self, INLINE_POLICIES)
        cdk.CfnOutput(self, "Uri", value=address.uri, description="Where clients find MLflow")
        cdk.CfnOutput(self, "ClientsGroup", value=clients.security_group_id, description="Whoever holds it may use it")

    def _cluster(self, vpc: ec2.IVpc) -> ecs.Cluster:
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
        )
        acknowledge(cluster, FREE_METRICS)
        return cluster


FREE_METRICS = {
    "AwsSolutions-ECS4": "ECS reports CPU and memory for free and Monitoring watches them. Insights would cost some "
    "seven dollars a month more, and write a log group that outlives the stack."
}
