"""Cloud Map keeps an instance for each running task of a service that asks for it; the healthy ones have its name."""

from __future__ import annotations

from collections.abc import Sequence

from ministack.core.responses import request_scope
from ministack.services import ecs, servicediscovery

from twin.emulator import registrations, task_registry
from twin.emulator.task import Task
from twin.folder import ACCOUNT, REGION

REGISTERED = "RUNNING"


def install() -> None:
    task_registry.on_change.append(_changed)


def _changed(task: Task) -> None:
    if task.service is None:
        return
    with request_scope(ACCOUNT, REGION):
        for registry in _registries(task.service):
            _register(registry, task)
            _name(registry, task_registry.tasks_of(task.service))


def _registries(service: str) -> list[str]:
    """The ids of the Cloud Map services of an ECS service."""
    cluster, name = service.split("/")[-2:]
    found = ecs._services.get(f"{cluster}/{name}") or {}
    return [each["registryArn"].rpartition("/")[2] for each in found.get("serviceRegistries", [])]


def _register(registry: str, task: Task) -> None:
    """On AWS ECS does this by its service-linked role, which nobody can take away."""
    instance = {"ServiceId": registry, "InstanceId": task.arn.rpartition("/")[2]}
    if task.status != REGISTERED:
        servicediscovery._deregister_instance(instance)
        return
    servicediscovery._register_instance(
        {**instance, "Attributes": {"AWS_INSTANCE_IPV4": task.address, "AWS_INIT_HEALTH_STATUS": "UNHEALTHY"}}
    )
    statuses = servicediscovery._instance_health_status[registry]
    statuses[instance["InstanceId"]] = "HEALTHY" if task.ready else "UNHEALTHY"


def _name(registry: str, tasks: Sequence[Task]) -> None:
    """As Route 53 answers: with the healthy ones, and with all where none is."""
    service = servicediscovery._services.get(registry)
    if service is None:
        return
    namespace = servicediscovery._namespaces[service["NamespaceId"]]["Name"]
    registered = [task for task in tasks if task.status == REGISTERED]
    answering = [task for task in registered if task.ready] or registered
    registrations.set_names(registry, [f"{service['Name']}.{namespace} {task.address}" for task in answering])
