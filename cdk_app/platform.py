"""One environment: the stacks, and what they hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import aws_cdk as cdk
from constructs import Construct

from cdk_app.config import Environment
from stacks.access import Access
from stacks.delivery import Delivery
from stacks.foundation import Foundation
from stacks.monitoring import Monitoring
from stacks.network import Network
from stacks.registry import Registry
from stacks.serving.apprunner import AppRunnerServing
from stacks.serving.ecs import EcsServing
from stacks.serving.target import ServingTarget
from stacks.sizes import CanarySteps, DatabaseSize, InstanceSize, TaskSize
from stacks.storage import Storage
from stacks.tracking import Tracking
from stacks.training import Training
from stacks.triggers import Triggers

PROCESSOR: Mapping[str, Literal["amd64", "arm64"]] = {"apprunner": "amd64", "ecs": "arm64"}
"""What each target runs: App Runner has no Graviton, on which Fargate costs a fifth less."""


class Platform(cdk.Stage):
    """All stacks of one environment; their names begin with the stage's."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, env=cdk.Environment(account=config.account, region=config.region))
        self.config = config
        foundation = Foundation(
            self,
            "Foundation",
            emails=config.monitoring.emails,
            customer_key=config.customer_key,
            keep=config.protection,
            log_days=config.log_days,
            prometheus=config.monitoring.prometheus,
        )
        self.common: Mapping[str, Any] = {"lifetime": foundation.lifetime, "alerts": foundation.alerts}
        lifetime = foundation.lifetime
        network = Network(self, "Network", zones=config.network.zones, nat=config.network.nat, lifetime=lifetime)
        storage = Storage(
            self, "Storage", names=config.storage.names, capture_days=config.storage.capture_days, lifetime=lifetime
        )
        registry = Registry(self, "Registry", lifetime=lifetime)
        tracking = self._tracking(network, storage, registry)
        training = Training(
            self,
            "Training",
            placement=network.placement if config.training.inside else None,
            repository=registry.training,
            raw=storage.raw,
            dvc=storage.dvc,
            artifacts=storage.artifacts,
            capture=storage.capture,
            tracking=tracking.access,
            serving_stack=f"{id}-Serving",
            compute=config.training.compute,
            sagemaker=config.training.sagemaker,
            timeout=cdk.Duration.minutes(config.training.timeout_minutes),
            lifetime=lifetime,
        )
        serving = self._serving(foundation, network, storage, registry, tracking)
        delivery = Delivery(
            self,
            "Delivery",
            owner=config.repository.owner,
            name=config.repository.name,
            branch=config.repository.branch,
            connection=config.repository.connection,
            problems=config.problems,
            train=training.train,
            prove=training.prove,
            release=training.release,
            service_images=registry.service,
            architecture=PROCESSOR[config.serving.target],
            artifacts=storage.artifacts,
            reports=config.delivery.reports,
            verifier=serving.verifier,
            approvers=config.delivery.approvers,
            approval=cdk.Duration.days(config.delivery.approval_days),
            **self.common,
        )
        triggers = Triggers(
            self,
            "Triggers",
            problems=config.problems,
            raw=storage.raw,
            pipeline=delivery.pipeline,
            github=(config.repository.owner, config.repository.name) if config.triggers.starts == "github" else None,
            schedule=config.triggers.schedule,
            cooldown=cdk.Duration.minutes(config.triggers.cooldown_minutes),
            daily_cap=config.triggers.daily_cap,
            **self.common,
        )
        Monitoring(
            self,
            "Monitoring",
            problems=config.problems,
            serving=serving,
            mlflow=tracking.service,
            database=tracking.database,
            database_storage=config.tracking.database.storage,
            dead_letters=triggers.dead_letters,
            drift=triggers.drift,
            pipeline=delivery.pipeline,
            prometheus=foundation.prometheus,
            grafana=config.monitoring.grafana,
            alerts=foundation.alerts,
        )
        Access(
            self,
            "Access",
            owner=config.repository.owner,
            name=config.repository.name,
            owner_id=config.repository.owner_id,
            repository_id=config.repository.repository_id,
            environment=config.name,
            provider=config.access.provider,
        )

    def _tracking(self, network: Network, storage: Storage, registry: Registry) -> Tracking:
        chosen = self.config.tracking
        return Tracking(
            self,
            "Tracking",
            placement=network.placement,
            repository=registry.mlflow,
            artifacts=storage.artifacts,
            access_logs=storage.access_logs,
            size=TaskSize(chosen.cpu, chosen.memory, chosen.tasks, chosen.spot),
            database=DatabaseSize(**chosen.database.model_dump()),
            exposure=chosen.exposure,
            certificate=chosen.certificate,
            domain=chosen.domain,
            protect=self.config.protection,
            **self.common,
        )

    def _serving(
        self, foundation: Foundation, network: Network, storage: Storage, registry: Registry, tracking: Tracking
    ) -> ServingTarget:
        shared: Mapping[str, Any] = {
            "problems": self.config.problems,
            "placement": network.placement,
            "repository": registry.service,
            "artifacts": storage.artifacts,
            "capture": storage.capture,
            "tracking": tracking.access,
            **self.common,
        }
        if self.config.serving.target == "apprunner":
            chosen = self.config.serving.apprunner
            return AppRunnerServing(self, "Serving", size=InstanceSize(**chosen.model_dump()), **shared)
        ecs = self.config.serving.ecs
        return EcsServing(
            self,
            "Serving",
            size=TaskSize(ecs.cpu, ecs.memory, ecs.tasks, ecs.spot),
            requests=ecs.requests,
            canary=CanarySteps(**ecs.canary.model_dump()) if ecs.canary else None,
            certificate=ecs.certificate,
            domain=ecs.domain,
            prometheus=foundation.prometheus,
            access_logs=storage.access_logs,
            **shared,
        )
