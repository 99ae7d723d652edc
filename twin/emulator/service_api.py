"""ECS' calls on services: MiniStack checks and records what they ask for, the scheduler of each service does it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import ecs

from twin.emulator import service_view, tasks
from twin.emulator.deployment import Deployment, Service
from twin.emulator.deployments import Scheduler
from twin.emulator.tasks import Task
from twin.folder import Twin

Response = tuple[int, dict[str, str], bytes]
Request = Mapping[str, Any]
REVISED = ("taskDefinition", "networkConfiguration", "loadBalancers", "serviceRegistries", "platformVersion")
"""What changes of these is a new revision of the service, and brings a deployment."""
REFUSED = 400
_schedulers: dict[str, Scheduler] = {}
"""By the service's ARN."""


def install(twin: Twin) -> None:
    create, update = ecs._create_service, ecs._update_service

    def created(request: Request) -> Response:
        answer: Response = create(request)
        if answer[0] < REFUSED:
            start(twin, _service_of(answer))
        return _told(answer)

    def updated(request: Request) -> Response:
        found = find(request)
        if found is None or found.service["status"] != "ACTIVE":
            return update(request)  # type: ignore[no-any-return]
        with found.lock:
            return _told(_update(update, found, request))

    # What MiniStack would do about a service's tasks by itself, the schedulers do.
    ecs._reconcile_service_tasks = lambda *_: None
    ecs._refresh_service_state = lambda *_: None
    ecs._sync_service_targets = lambda *_: None
    ecs._create_service, ecs._update_service = created, updated
    ecs._ACTION_MAP.update(
        CreateService=created,
        UpdateService=updated,
        DeleteService=_delete,
        ListServiceDeployments=_list,
        DescribeServiceDeployments=_describe,
    )
    tasks.on_change.append(_changed)


def start(twin: Twin, service: Service) -> Deployment:
    """Keep that service from now on; its first deployment."""
    scheduler = Scheduler(twin, service)
    _schedulers[service["serviceArn"]] = scheduler
    service["deployments"] = []
    first = scheduler.deploy(before=0)
    scheduler.start()
    return first


def scheduler_of(arn: str) -> Scheduler | None:
    return _schedulers.get(arn)


def find(request: Request) -> Scheduler | None:
    """Of the service that a request names."""
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    named = ecs._resolve_service_ref(request.get("service", ""))
    service = ecs._services.get(f"{cluster}/{named[0]}") if named else None
    return _schedulers.get(service["serviceArn"]) if service else None


def _update(update: Callable[[Request], Response], found: Scheduler, request: Request) -> Response:
    service = found.service
    before = {name: service.get(name) for name in REVISED}
    count = service["desiredCount"]
    answer = update(request)
    if answer[0] >= REFUSED:
        return answer
    if "serviceRegistries" in request:
        service["serviceRegistries"] = request["serviceRegistries"]
    revised = any(service.get(name) != before[name] for name in REVISED)
    if revised or request.get("forceNewDeployment"):
        found.deploy(before=count)
    elif service["desiredCount"] != count:
        found.resize()
    found.publish()
    return _with(service)


def _delete(request: Request) -> Response:
    """The service drains; once its last task has stopped it is INACTIVE."""
    found = find(request)
    if found is None:
        return ecs.error_response_json(  # type: ignore[no-any-return]
            "ServiceNotFoundException", "Service not found.", REFUSED
        )
    with found.lock:
        if found.service["desiredCount"] > 0 and not request.get("force"):
            return ecs.error_response_json(  # type: ignore[no-any-return]
                "InvalidParameterException",
                "The service cannot be stopped while it is scaled above 0.",
                REFUSED,
            )
        if found.service["status"] == "ACTIVE":
            found.service.update(status="DRAINING", desiredCount=0)
        found.wake()
        return _with(found.service)


def _list(request: Request) -> Response:
    found = find(request)
    told = [service_view.service_deployment(found.service, each) for each in found.history] if found else []
    statuses = request.get("status") or ()
    return ecs.json_response(  # type: ignore[no-any-return]
        {"serviceDeployments": [each for each in told if not statuses or each["status"] in statuses]}
    )


def _describe(request: Request) -> Response:
    asked = request.get("serviceDeploymentArns") or ()
    told = {
        each["serviceDeploymentArn"]: each
        for scheduler in list(_schedulers.values())
        for each in (service_view.service_deployment(scheduler.service, one) for one in scheduler.history)
    }
    failures = [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in told]
    return ecs.json_response(  # type: ignore[no-any-return]
        {"serviceDeployments": [told[arn] for arn in asked if arn in told], "failures": failures}
    )


def _changed(task: Task) -> None:
    scheduler = _schedulers.get(task.service or "")
    if scheduler is not None:
        scheduler.wake()


def _service_of(answer: Response) -> Service:
    told = json.loads(answer[2])["service"]
    cluster = told["clusterArn"].rpartition("/")[2]
    found: Service = ecs._services[f"{cluster}/{told['serviceName']}"]
    return found


def _told(answer: Response) -> Response:
    return _with(_service_of(answer)) if answer[0] < REFUSED else answer


def _with(service: Service) -> Response:
    return ecs.json_response({"service": ecs._sanitize(service)})  # type: ignore[no-any-return]
