"""What ECS tells of a service: its deployments and events in DescribeServices, and what EventBridge hears."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import now_iso, request_scope
from ministack.services import ecs

from twin.emulator import deliveries
from twin.emulator.deployment import COMPLETED, FAILED, IN_PROGRESS, SUPERSEDED, Deployment, Service
from twin.folder import ACCOUNT, REGION

MOST_EVENTS = 100
KIND = "ECS Deployment State Change"
EVENT_TYPES = {IN_PROGRESS: "INFO", COMPLETED: "INFO", FAILED: "ERROR"}
STATUSES = {IN_PROGRESS: "IN_PROGRESS", COMPLETED: "SUCCESSFUL", FAILED: "ROLLBACK_SUCCESSFUL"}


def tell(service: Service, message: str) -> None:
    """An event of the service, newest first."""
    text = f"(service {service['serviceName']}) {message}"
    service["events"].insert(0, {"id": str(uuid.uuid4()), "createdAt": now_iso(), "message": text})
    del service["events"][MOST_EVENTS:]


def send(service: Service, deployment: Deployment) -> None:
    """Tell EventBridge of the deployment's state."""
    detail = {
        "eventType": EVENT_TYPES[deployment.state],
        "eventName": f"SERVICE_DEPLOYMENT_{deployment.state}",
        "deploymentId": deployment.id,
        "updatedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": deployment.reason,
    }
    with request_scope(ACCOUNT, REGION):
        deliveries.send("aws.ecs", KIND, [service["serviceArn"]], detail)


def publish(service: Service, deployments: Sequence[Deployment], counts: Mapping[str, tuple[int, int]]) -> None:
    """The newest first; it is the primary one, as on AWS. `counts`: running and pending tasks of each."""
    service["deployments"] = [
        _told(service, each, counts[each.id], primary=number == 0) for number, each in enumerate(deployments)
    ]
    service["runningCount"] = sum(running for running, _ in counts.values())
    service["pendingCount"] = sum(pending for _, pending in counts.values())
    with request_scope(ACCOUNT, REGION):
        ecs._recount_cluster(service["clusterArn"].rpartition("/")[2])


def _told(service: Service, deployment: Deployment, counts: tuple[int, int], *, primary: bool) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "status": "PRIMARY" if primary else "ACTIVE",
        "taskDefinition": deployment.definition,
        "desiredCount": service["desiredCount"] if primary else counts[0],
        "runningCount": counts[0],
        "pendingCount": counts[1],
        "failedTasks": deployment.failed,
        "createdAt": _iso(deployment.created),
        "updatedAt": _iso(deployment.updated),
        "launchType": service.get("launchType"),
        "capacityProviderStrategy": service.get("capacityProviderStrategy"),
        "networkConfiguration": service.get("networkConfiguration"),
        "rolloutState": deployment.state,
        "rolloutStateReason": deployment.reason,
    }


def service_deployment(service: Service, deployment: Deployment) -> dict[str, Any]:
    """As DescribeServiceDeployments tells it."""
    rollout = deployment.rollout
    status = "STOPPED" if deployment.reason == SUPERSEDED else STATUSES[deployment.state]
    return {
        "serviceDeploymentArn": deployment_arn(service, deployment),
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": deployment.created.timestamp(),
        "startedAt": deployment.created.timestamp(),
        "updatedAt": deployment.updated.timestamp(),
        **({"finishedAt": deployment.updated.timestamp()} if deployment.ended.is_set() else {}),
        "targetServiceRevision": {"arn": revision_arn(service, deployment)},
        "status": status,
        "statusReason": deployment.reason,
        **({"lifecycleStage": rollout.stage.name} if rollout and rollout.outcome is None else {}),
        "deploymentConfiguration": service.get("deploymentConfiguration") or {},
    }


def deployment_arn(service: Service, deployment: Deployment) -> str:
    return f"{service['serviceArn'].replace(':service/', ':service-deployment/')}/{_number(deployment)}"


def revision_arn(service: Service, deployment: Deployment) -> str:
    return f"{service['serviceArn'].replace(':service/', ':service-revision/')}/{_number(deployment)}"


def _number(deployment: Deployment) -> str:
    return deployment.id.rpartition("/")[2]


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
