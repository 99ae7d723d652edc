"""The tasks of a twin as they are now: each one's record in ECS beside its processes, and who is told of changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from twin.emulator import containers, task_record
from twin.emulator import memory as memory_of
from twin.emulator.control import route
from twin.emulator.task import Task
from twin.emulator.task_process import TaskProcess
from twin.emulator.task_record import Record
from twin.folder import Twin, TwinError

HOSTS = range(100, 255)
Listener = Callable[[Task], None]
on_change: list[Listener] = []
"""Called after each change of `status` or `health`, on a thread of the task: return soon and start no task in it."""
processes: dict[str, TaskProcess] = {}
"""Of each task, by its ARN; those that have stopped stay, as their records do."""
logger = logging.getLogger("twin.tasks")


def tasks_of(service: str) -> list[Task]:
    """The tasks of a service (by its ARN) that have not stopped, oldest first."""
    return [task for task in everyone() if task.service == service and _lives(task)]


def everyone() -> list[Task]:
    return [view(record) for record in task_record.all_of_them()]


def find_task(arn: str) -> Task | None:
    """That task as it is now; those that have stopped are kept."""
    record = task_record.find(arn)
    return view(record) if record else None


def memory(service: str) -> float | None:
    """MemoryUtilization of the tasks of a service (by its name) in percent of what their definition gives."""
    tasks = [task for task in everyone() if task.group == f"service:{service}" and _lives(task)]
    shares = [share for task in tasks if (share := _memory_share(task)) is not None]
    return sum(shares) / len(shares) if shares else None


def _memory_share(task: Task) -> float | None:
    process = processes.get(task.arn)
    limit = float(process.order.definition.get("memory") or 0) * 2**20 if process else 0
    if process is None or not limit:
        return None
    pids = [each.process.pid for each in process.containers if each.process]
    return 100 * sum(map(memory_of.used, pids)) / limit


def view(record: Record) -> Task:
    process = processes.get(record["taskArn"])
    definition = process.order.definition if process else {"containerDefinitions": []}
    defined = definition["containerDefinitions"]
    cluster, group = record["clusterArn"], record["group"]
    codes = [each["exitCode"] for each in record["containers"] if each.get("exitCode") is not None]
    service = cluster.replace(":cluster/", ":service/") + "/" + group.partition(":")[2]
    return Task(
        arn=record["taskArn"],
        cluster=cluster,
        definition=record["taskDefinitionArn"],
        family=record["taskDefinitionArn"].rpartition("/")[2].partition(":")[0],
        group=group,
        service=service if group.startswith("service:") else None,
        started_by=record["startedBy"],
        address=process.order.address if process else "",
        ports={each["name"]: containers.ports(each) for each in defined},
        # MiniStack's own word for what comes before PENDING.
        status="PENDING" if record["lastStatus"] == "PROVISIONING" else record["lastStatus"],
        checked=any(each.get("healthCheck") for each in defined),
        health=record["healthStatus"],
        stop_code=record["stopCode"] or None,
        stopped_reason=record["stoppedReason"] or None,
        exit_code=codes[0] if codes else None,
    )


def _lives(task: Task) -> bool:
    return task.status != "STOPPED"


def tell(arn: str) -> None:
    task = find_task(arn)
    for listener in list(on_change) if task else []:
        try:
            listener(task)  # type: ignore[arg-type]
        except Exception:
            # One listener's defect must not keep a task from ending.
            logger.exception("%s was told of %s", listener, arn)


def free_address(twin: Twin) -> str:
    """The lowest that no task has. Raises TwinError."""
    taken = {process.order.address for process in processes.values() if process.is_alive()}
    for host in HOSTS:
        if (address := twin.address(host)) not in taken:
            return address
    raise TwinError(f"all {len(HOSTS)} addresses for tasks are taken: stop some")


@route("GET", "/tasks")
def _listed(_: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "arn": task.arn,
            "service": task.service,
            "family": task.family,
            "container": container.name,
            "pid": container.process.pid if container.process else None,
            "address": task.address,
            "ports": task.ports[container.name],
            "status": task.status,
            "health": task.health,
            "log": str(container.log),
        }
        for task in everyone()
        if _lives(task) and (process := processes.get(task.arn))
        for container in process.containers
    ]
