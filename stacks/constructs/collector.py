"""A collector beside a task's own container: it scrapes that container and writes to a Prometheus workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs

from stacks.constructs.logs import OwnedLogGroup
from stacks.constructs.managed_prometheus import ManagedPrometheus

# Pinned, since a collector refuses to start over a setting that it does not know, and settings change their names
# between versions. This one is the OpenTelemetry collector 0.156: read what changed since before choosing another.
IMAGE = "public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0"
MEMORY = 256
"""MiB that it may take from its task before it is killed, and started again."""
NAME = "Collector"


def configuration(*, labels: Mapping[str, str], job: str, port: int, remote_write: str, region: str) -> dict[str, Any]:
    """What the collector is told. Every series bears the `labels`, the `job`, and its task's id as `instance`.

    No value may hold a dollar sign, by which the collector names variables of its environment.
    """
    return {
        "extensions": {"sigv4auth": {"region": region, "service": "aps"}},
        "receivers": {"prometheus": {"config": scraping(labels=labels, job=job, port=port)}},
        "processors": {
            # Refuses samples before the container is killed for them.
            "memory_limiter": {"check_interval": "5s", "limit_mib": MEMORY * 3 // 4, "spike_limit_mib": MEMORY // 4},
            "resource_detection": {"detectors": ["ecs"]},
            # Every task scrapes the same address: without its id two tasks would write the same series.
            "resource": {
                "attributes": [
                    {"key": "service.instance.id", "from_attribute": "aws.ecs.task.id", "action": "upsert"},
                ],
            },
        },
        "exporters": {
            "prometheus_remote_write": {
                "endpoint": remote_write,
                "auth": {"authenticator": "sigv4auth"},
                # Names stay as the program gives them; alert rules ask for those.
                "translation_strategy": "UnderscoreEscapingWithoutSuffixes",
            }
        },
        "service": {
            "extensions": ["sigv4auth"],
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            "pipelines": {
                "metrics": {
                    "receivers": ["prometheus"],
                    "processors": ["memory_limiter", "resource_detection", "resource"],
                    "exporters": ["prometheus_remote_write"],
                }
            },
        },
    }


def scraping(*, labels: Mapping[str, str], job: str, port: int) -> dict[str, Any]:
    """In the form of Prometheus itself. Times of creation are left out: nothing asks for them, each costs a series."""
    return {
        "scrape_configs": [
            {
                "job_name": job,
                "scrape_interval": "30s",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": dict(labels)}],
                "metric_relabel_configs": [
                    {"source_labels": ["__name__"], "regex": ".*_created", "action": "drop"},
                ],
            }
        ]
    }


def add_collector(
    task: ecs.FargateTaskDefinition,
    *,
    labels: Mapping[str, str],
    job: str,
    port: int,
    prometheus: ManagedPrometheus,
    logs: OwnedLogGroup,
) -> ecs.ContainerDefinition:
    """Without a health check, and not essential: a task whose collector is gone serves on, and is only not seen."""
    stack = cdk.Stack.of(task)
    told = configuration(labels=labels, job=job, port=port, remote_write=prometheus.remote_write, region=stack.region)
    prometheus.grant_write(task.task_role)
    parameters = ecs.LinuxParameters(task, f"{NAME}Linux")
    parameters.drop_capabilities(ecs.Capability.ALL)
    return task.add_container(
        NAME,
        image=ecs.ContainerImage.from_registry(IMAGE),
        essential=False,
        enable_restart_policy=True,
        restart_attempt_period=cdk.Duration.minutes(5),
        memory_limit_mib=MEMORY,
        # YAML holds JSON, and JSON survives the address that is only known once the workspace is made.
        environment={"AOT_CONFIG_CONTENT": stack.to_json_string(told)},
        readonly_root_filesystem=True,
        linux_parameters=parameters,
        logging=ecs.LogDrivers.aws_logs(stream_prefix=NAME.lower(), log_group=logs),
    )
