"""One service's container on Fargate: hardened, with the one folder that it may write to."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.collector import add_collector
from stacks.constructs.image import ReleasedImage
from stacks.constructs.logs import OwnedLogGroup
from stacks.constructs.managed_prometheus import ManagedPrometheus
from stacks.constructs.secret_key import grant_secret_key
from stacks.lifetime import Lifetime
from stacks.serving.program import CREDENTIALS, SCRATCH, environment, permit
from stacks.serving.target import ALIVE, PORT
from stacks.sizes import TaskSize
from stacks.tracking_access import TrackingAccess

JOB = "evergreen"
"""What Prometheus calls the program; the label `problem` says which one."""


class ServiceTask(ecs.FargateTaskDefinition):
    """Alive means that the process answers: a service that waits for its first model must not be restarted for it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        problem: str,
        image: ReleasedImage,
        size: TaskSize,
        tracking: TrackingAccess,
        artifacts: s3.IBucket,
        capture: s3.IBucket,
        prometheus: ManagedPrometheus | None,
        lifetime: Lifetime,
    ) -> None:
        super().__init__(
            scope,
            id,
            cpu=size.cpu,
            memory_limit_mib=size.memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            volumes=[ecs.Volume(name="scratch")],
        )
        logs = OwnedLogGroup(self, "Logs", lifetime=lifetime)
        container = self.add_container(
            "Service",
            image=image.container,
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            environment=environment(problem, tracking, capture),
            secrets=_secrets(tracking),
            readonly_root_filesystem=True,
            linux_parameters=_no_capabilities(self),
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-I", "-S", "/opt/healthy.py", str(PORT), ALIVE],
                interval=cdk.Duration.seconds(15),
                timeout=cdk.Duration.seconds(5),
                start_period=cdk.Duration.seconds(30),
                retries=3,
            ),
            # Longer than the balancer takes to stop sending requests, shorter than what a spot task is given.
            stop_timeout=cdk.Duration.seconds(60),
            # In place, with what the scratch volume holds: the rows on disk are uploaded, those lost are counted.
            enable_restart_policy=True,
            restart_attempt_period=cdk.Duration.seconds(60),
            logging=ecs.LogDrivers.aws_logs(stream_prefix=problem, log_group=logs),
        )
        container.add_mount_points(ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False))
        if prometheus is not None:
            labels = {"problem": problem}
            add_collector(self, labels=labels, job=JOB, port=PORT, prometheus=prometheus, logs=logs)
        if tracking.credentials is not None:
            grant_secret_key(lifetime, self.obtain_execution_role())
        role = self.task_role
        assert isinstance(role, iam.Role)
        permit(role, problem=problem, artifacts=artifacts, capture=capture)
        acknowledge(
            self,
            {
                "AwsSolutions-ECS2": "The variables name a model and an address; the credentials come from a secret.",
                "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no resource-level permissions.",
            },
        )


def _secrets(tracking: TrackingAccess) -> dict[str, ecs.Secret]:
    if tracking.credentials is None:
        return {}
    return {name: ecs.Secret.from_secrets_manager(tracking.credentials, field) for name, field in CREDENTIALS.items()}


def _no_capabilities(scope: Construct) -> ecs.LinuxParameters:
    parameters = ecs.LinuxParameters(scope, "Linux", init_process_enabled=True)
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters
