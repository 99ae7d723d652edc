"""AWS::ECS::Service: all of its properties, and an end only when the deployment that it brings has one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import provisioners, stacks

from twin import poll
from twin.emulator import service_api
from twin.emulator.deployment import COMPLETED, Deployment
from twin.emulator.deployments import Scheduler
from twin.emulator.pace import seconds
from twin.folder import Twin, TwinError

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]
TYPE = "AWS::ECS::Service"
RENAMED = {"Role": "role", "EnableECSManagedTags": "enableECSManagedTags"}
OWN = frozenset({"ServiceName", "Cluster", "Tags", "DesiredCount"})
STABILIZES = 3 * 60
"""Minutes that CloudFormation waits for a service."""
AT_LEAST = 240.0
"""Seconds of it, whatever a minute of the twin is: tasks start no faster for it."""
DRAINS = 180.0


def install(twin: Twin) -> None:
    service_api.install(twin)
    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": _create, "update": _update, "delete": _delete}
    # An update whose deployment failed has changed the service: the count of its tasks must go back.
    theirs = stacks._sends_back_failed_update
    stacks._sends_back_failed_update = lambda kind: kind == TYPE or theirs(kind)


def _create(logical: str, properties: Properties, stack: str) -> Made:
    name = properties.get("ServiceName") or f"{stack}-{logical}"
    request = {
        **_request(properties),
        "serviceName": name,
        "desiredCount": int(properties.get("DesiredCount", 1)),
        "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags", [])],
    }
    arn = _asked(ecs._create_service(request))["serviceArn"]
    scheduler = _scheduler(arn)
    _settle(scheduler, scheduler.history[0])
    return arn, {"ServiceArn": arn, "Name": name}


def _update(physical: str, old: Properties, new: Properties, _stack: str) -> Made:
    """A count that the template does not name stays as it is, and so does one that it names as before."""
    before, request = _request(old), _request(new)
    changed = {name: value for name, value in request.items() if value != before.get(name)}
    if "DesiredCount" in new and new["DesiredCount"] != old.get("DesiredCount"):
        changed["desiredCount"] = int(new["DesiredCount"])
    scheduler = _scheduler(physical)
    latest = scheduler.history[0]
    _asked(ecs._update_service({**changed, "cluster": new["Cluster"], "service": physical}))
    asked = scheduler.history[0] if scheduler.history[0] is not latest else scheduler.waiting
    _settle(scheduler, asked)
    return physical, {"ServiceArn": physical, "Name": physical.rpartition("/")[2]}


def _delete(physical: str, properties: Properties) -> None:
    scheduler = service_api.scheduler_of(physical)
    if scheduler is None:
        return
    _asked(ecs._ACTION_MAP["DeleteService"]({"cluster": properties["Cluster"], "service": physical, "force": True}))
    poll.until(
        f"the tasks of {physical} have stopped",
        lambda: scheduler.service["status"] == "INACTIVE",
        seconds=DRAINS,
        seen=lambda: _last_events(scheduler),
    )


def _settle(scheduler: Scheduler, asked: Deployment | None) -> None:
    """Until the deployment, where there is one, has ended well and the service is steady. Raises TwinError."""
    limit = max(AT_LEAST, seconds(STABILIZES))
    if asked is not None and not asked.ended.wait(limit):
        raise TwinError(f"{scheduler.service['serviceName']} did not stabilize.\n{_last_events(scheduler)}")
    if asked is not None and asked.state != COMPLETED:
        raise TwinError(
            f"Resource handler returned message: \"Error occurred during operation 'ECS Deployment {asked.id}: "
            f"{asked.reason}'.\" (HandlerErrorCode: GeneralServiceException)"
        )
    poll.until(
        f"{scheduler.service['serviceName']} is steady",
        lambda: scheduler.steady or scheduler.service["status"] != "ACTIVE",
        seconds=limit,
        seen=lambda: _last_events(scheduler),
    )


def _request(properties: Properties) -> dict[str, Any]:
    """For CreateService and UpdateService; a hook's details are its own and stay as they are written."""
    given = {name: value for name, value in properties.items() if name not in OWN}
    request: dict[str, Any] = {
        RENAMED.get(name) or name[:1].lower() + name[1:]: provisioners._pascal_to_camel(value)
        for name, value in given.items()
    }
    configuration: Mapping[str, Any] = properties.get("DeploymentConfiguration") or {}
    hooks = configuration.get("LifecycleHooks") or ()
    for hook, written in zip(request.get("deploymentConfiguration", {}).get("lifecycleHooks", ()), hooks, strict=True):
        if "HookDetails" in written:
            hook["hookDetails"] = written["HookDetails"]
    return {**request, "cluster": properties["Cluster"]}


def _asked(answer: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    """The service that the call answered with. Raises TwinError."""
    status, _, body = answer
    document = json.loads(body)
    if status >= service_api.REFUSED:
        raise TwinError(f'Resource handler returned message: "{document.get("message", document)}"')
    service: dict[str, Any] = document["service"]
    return service


def _scheduler(arn: str) -> Scheduler:
    found = service_api.scheduler_of(arn)
    if found is None:
        raise TwinError(f"there is no service {arn}")
    return found


def _last_events(scheduler: Scheduler) -> str:
    return "\n".join(event["message"] for event in scheduler.service["events"][:5])
