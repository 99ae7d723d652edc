"""What MiniStack's Lambda lacks: the template's dead-letter queue, a clean environment, and honest counts.

Fakes: the functions run on the emulator's Python and processor, not on the runtime and the architecture that the
template names; a layer is the project's own packages; nothing limits a function's memory.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, lambda_svc
from ministack.services.cloudformation import provisioners

from twin.emulator import function_logs, invocations
from twin.emulator.control import at_end
from twin.emulator.worker_environment import given, of_a_worker
from twin.folder import Twin

KIND = "AWS::Lambda::Function"


def install(twin: Twin) -> None:
    _keep_dead_letter_queues()
    _clean_environments(twin)
    _count_where_they_run()
    lambda_svc._emit_lambda_logs = function_logs.emit
    at_end(lambda_runtime.reset)
    invocations.install(twin)


def _keep_dead_letter_queues() -> None:
    """MiniStack's CloudFormation drops DeadLetterConfig and ReservedConcurrentExecutions."""
    theirs = provisioners._RESOURCE_HANDLERS[KIND]

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = theirs["create"](logical_id, properties, stack)
        _complete(made[0], properties)
        return made

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str) -> Any:
        made = theirs["update"](physical_id, old, new, stack, logical_id)
        _complete(made[0], new)
        return made

    handlers = {**theirs, "create": create, "update": update, "update_with_logical_id": True}
    provisioners._RESOURCE_HANDLERS[KIND] = handlers


def _complete(name: str, properties: Mapping[str, Any]) -> None:
    record = lambda_svc._functions[name]
    record["config"]["DeadLetterConfig"] = properties.get("DeadLetterConfig") or {}
    reserved = properties.get("ReservedConcurrentExecutions")
    record["concurrency"] = None if reserved is None else int(reserved)


def _clean_environments(twin: Twin) -> None:
    """MiniStack gives a worker the server's whole environment."""
    added = given(twin)

    def start(command: list[str], *, env: Mapping[str, str], **options: Any) -> subprocess.Popen[Any]:
        return subprocess.Popen(command, env=of_a_worker(env, os.environ, added), **options)

    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": start})


def _count_where_they_run() -> None:
    """MiniStack counts what its API was asked; AWS counts what ran, whoever asked for it."""
    run = lambda_svc._execute_function_dispatch

    def counted(record: Any, config: Mapping[str, Any], *rest: Any) -> Any:
        began = time.monotonic()
        result = run(record, config, *rest)
        milliseconds = (time.monotonic() - began) * 1000
        _count(config["FunctionName"], Invocations=1, Errors=int(bool(result.get("error"))), Throttles=0)
        _record(config["FunctionName"], "Duration", milliseconds, "Milliseconds")
        return result

    def refused(name: str, *, error: bool, throttle: bool, **_: Any) -> None:
        # The API reports its refusal a second time, as an error too.
        if throttle and not error:
            _count(name, Throttles=1)

    lambda_svc._execute_function_dispatch = counted
    lambda_svc._emit_lambda_metrics = refused


def _count(name: str, **counts: int) -> None:
    for metric, count in counts.items():
        _record(name, metric, count, "Count")


def _record(name: str, metric: str, value: float, unit: str) -> None:
    cloudwatch.record_metric("AWS/Lambda", metric, value, unit, {"FunctionName": name})
