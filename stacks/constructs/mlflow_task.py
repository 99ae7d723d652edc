"""MLflow in a hardened container: the server itself, or one command beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.database import PostgresDatabase
from stacks.constructs.image import ReleasedImage
from stacks.constructs.logs import OwnedLogGroup
from stacks.constructs.mlflow_login import MlflowLogin
from stacks.constructs.mlflow_program import STORE
from stacks.constructs.secret_key import grant_secret_key
from stacks.lifetime import Lifetime

CONTAINER = "Mlflow"
STREAM = "task"
SCRATCH = "/tmp"  # noqa: S108  # the one folder of the container that can be written to
USER = "10001:10001"


class MlflowTask(ecs.FargateTaskDefinition):
    """`command` and `environment` say everything; the image's own defaults are for a machine without AWS."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ReleasedImage,
        database: PostgresDatabase,
        login: MlflowLogin | None,
        cpu: int,
        memory: int,
        command: Sequence[str],
        environment: Mapping[str, str],
        lifetime: Lifetime,
        health_check: ecs.HealthCheck | None = None,
        port: int | None = None,
    ) -> None:
        self.role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        super().__init__(
            scope,
            id,
            task_role=self.role,
            cpu=cpu,
            memory_limit_mib=memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            volumes=[ecs.Volume(name="scratch")],
        )
        self.log_group = OwnedLogGroup(self, "Logs", lifetime=lifetime)
        container = self.add_container(
            CONTAINER,
            image=image.container,
            command=list(command),
            environment={
                **database.environment,
                "MLFLOW_BACKEND_STORE_URI": STORE,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                **(login.environment if login else {}),
                **environment,
            },
            secrets={
                "PGPASSWORD": ecs.Secret.from_secrets_manager(database.login, "password"),
                **(login.secrets if login else {}),
            },
            port_mappings=[ecs.PortMapping(container_port=port)] if port else None,
            health_check=health_check,
            user=USER,
            readonly_root_filesystem=True,
            linux_parameters=_no_capabilities(self),
            logging=ecs.LogDrivers.aws_logs(stream_prefix=STREAM, log_group=self.log_group),
        )
        grant_secret_key(lifetime, self.obtain_execution_role())
        container.add_mount_points(ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False))
        acknowledge(
            self,
            {
                "AwsSolutions-ECS2": "The variables are addresses and switches; every password comes from a secret.",
                "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no resource-level permissions.",
            },
        )


def _no_capabilities(scope: Construct) -> ecs.LinuxParameters:
    # Without an init as its parent, mlflow is process 1 and deaf to SIGTERM: every stop would take the whole timeout.
    parameters = ecs.LinuxParameters(scope, "Linux", init_process_enabled=True)
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters
