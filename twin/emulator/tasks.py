"""Tasks of ECS as processes of this machine: what is started and what is stopped.

A deployment starts its tasks here and RunTask arrives here too; what DescribeTasks answers is what these processes do.
MiniStack places a task and keeps its record; the worker that would start Docker's containers is replaced.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from twin import poll
from twin.emulator import (
    container_definitions,
    control,
    credentials,
    private_names,
    role_clients,
    task_registry,
    vitals,
)
from twin.emulator.task import Task, TaskError
from twin.emulator.task_process import Order, TaskProcess
from twin.emulator.task_record import Record, TaskRecord
from twin.emulator.task_registry import find_task, memory, on_change, tasks_of
from twin.folder import ACCOUNT, REGION, Twin

__all__ = ["Task", "TaskError", "find_task", "install", "memory", "on_change", "start_task", "stop_task", "tasks_of"]
Response = tuple[int, dict[str, str], bytes]
GRACE = 3.0
"""Seconds that the tasks have when the emulator itself ends."""
PLACED_WITHIN = 10.0
_lock = threading.Lock()


def start_task(
    definition: str,
    *,
    cluster: str,
    service: str | None = None,
    started_by: str = "",
    group: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    network: Mapping[str, Any] | None = None,
) -> Task:
    """A task that is PENDING; it runs, or stops with its reason, soon. `cluster` and `service` are ARNs.

    `network` is the service's networkConfiguration. Raises TaskError.
    """
    request = {
        "cluster": cluster,
        "taskDefinition": definition,
        "launchType": "FARGATE",
        "startedBy": started_by,
        "group": group or (f"service:{service.rpartition('/')[2]}" if service else ""),
        "overrides": dict(overrides or {}),
        "networkConfiguration": dict(network or {}),
    }
    with request_scope(ACCOUNT, REGION):
        status, _, body = ecs._run_task(request)
    answer = json.loads(body)
    if status >= 400 or not answer["tasks"]:
        raise TaskError(str(answer.get("message") or answer.get("failures") or answer))
    arn = answer["tasks"][0]["taskArn"]
    poll.until(f"{arn} is placed", lambda: arn in task_registry.processes, seconds=PLACED_WITHIN, every=0.01)
    found = find_task(arn)
    assert found is not None
    return found


def stop_task(arn: str, reason: str, *, code: str = "UserInitiated") -> None:
    """Ask it to end with SIGTERM, then end it after its StopTimeout; returns at once.

    Nothing happens to one that has stopped.
    """
    process = task_registry.processes.get(arn)
    if process is not None and process.is_alive():
        process.stop(code, reason)


def install(twin: Twin) -> None:
    def worker(record: Record, definition: Record, overrides: Sequence[Record], *_: object) -> None:
        with _lock:
            process = _process(twin, record, definition, overrides)
            task_registry.processes[record["taskArn"]] = process
            process.start()

    provisioners._normalize_container_defs = container_definitions.of_template
    run = _once(ecs._run_task)
    # Any answer but None: with an engine, MiniStack hands each task to a worker, which is ours.
    ecs._get_docker = lambda: "processes"
    ecs._run_task_worker = worker
    ecs._stop_task = _stop
    ecs._ACTION_MAP.update(RunTask=run, StopTask=_stop)
    private_names.install()
    vitals.memory(memory)
    control.at_end(_end_all)


def _process(twin: Twin, record: Record, definition: Record, overrides: Sequence[Record]) -> TaskProcess:
    session = record["taskArn"].rpartition("/")[2]
    order = Order(
        arn=record["taskArn"],
        definition=definition,
        overrides={each["name"]: each for each in overrides},
        address=task_registry.free_address(twin),
        clients=lambda: role_clients.clients(
            twin, role_clients.variables(_assume, definition.get("executionRoleArn", ""), session)
        ),
        role=lambda: role_clients.variables(_assume, definition.get("taskRoleArn", ""), session),
    )
    report = TaskRecord(record, task_registry.tell)
    report.placed(order.address)
    return TaskProcess(twin, order, report)


def _once(run: Callable[[Record], Response]) -> Callable[[Record], Response]:
    """RunTask with its clientToken: the same token is the same tasks, whatever came of them."""
    known: dict[str, tuple[str, list[str]]] = {}
    lock = threading.Lock()

    def once(request: Record) -> Response:
        token = request.get("clientToken")
        if not token:
            return run(request)
        with lock:
            asked = json.dumps(request, sort_keys=True)
            before, arns = known.get(token, (asked, []))
            if before != asked:
                return ecs.error_response_json(  # type: ignore[no-any-return]
                    "ConflictException", "The clientToken was used with other parameters.", 400
                )
            if arns:
                return ecs.json_response(  # type: ignore[no-any-return]
                    {"tasks": [ecs._sanitize(ecs._tasks[arn]) for arn in arns], "failures": []}
                )
            answer = run(request)
            if answer[0] < 400:
                known[token] = asked, [task["taskArn"] for task in json.loads(answer[2])["tasks"]]
            return answer

    return once


def _stop(request: Record) -> Response:
    """StopTask answers with the task as it is asked to end; DescribeTasks tells when it has."""
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    record = ecs._resolve_task(request.get("task", ""), cluster)
    if not record:
        return ecs.error_response_json(  # type: ignore[no-any-return]
            "InvalidParameterException", "The referenced task was not found.", 400
        )
    stop_task(record["taskArn"], request.get("reason", "Task stopped by user"))
    return ecs.json_response({"task": ecs._sanitize(record)})  # type: ignore[no-any-return]


def _end_all() -> None:
    alive = [process for process in task_registry.processes.values() if process.is_alive()]
    for process in alive:
        process.stop("UserInitiated", "The twin ends")
    for process in alive:
        process.join(GRACE)


def _assume(role: str, principal: str, session: str) -> Mapping[str, str]:
    given: dict[str, str] = credentials.give({"role": role, "service": principal, "session": session})
    return given
