"""Asynchronous events of Lambda: kept, tried again, and at last a dead letter, as the function's settings say."""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc

from twin.emulator import function_logs, letters
from twin.emulator.dead_letters import HANDLED, TOO_MANY, Patience, of_a_function
from twin.emulator.pace import seconds
from twin.folder import Twin

log = logging.getLogger("twin.functions")


class Invocations:
    """Takes the place of MiniStack's own retries, whose dead letters are of another shape and of no role."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def accept(self, record: Mapping[str, Any], event: Any) -> None:
        """Take an event; the caller does not wait for what becomes of it."""
        config = record.get("config") or record
        context = contextvars.copy_context()
        name = f"event-of-{config['FunctionName']}"
        threading.Thread(target=context.run, args=(self._handle, config, event), name=name, daemon=True).start()

    def _handle(self, config: Mapping[str, Any], event: Any) -> None:
        failures = refusals = 0
        began = time.monotonic()
        while True:
            record = _now(config)
            if record is None:
                log.warning("%s is gone, and with it an event that waited for its next attempt", config["FunctionName"])
                return
            result = lambda_svc._execute_function_with_config_scope(record, event)
            if not result.get("error"):
                return
            failures, refusals = (failures, refusals + 1) if result.get("throttle") else (failures + 1, 0)
            waited = (time.monotonic() - began) / seconds(1)
            pause = Patience.of(_settings(record)).pause(failures, refusals, waited)
            if pause is None:
                lambda_svc._run_with_function_config_scope(record, self._bury, record, event, result)
                return
            time.sleep(seconds(pause))

    def _bury(self, record: Mapping[str, Any], event: Any, result: Mapping[str, Any]) -> None:
        config = record["config"]
        body = result.get("body")
        told = body if isinstance(body, dict) else {}
        error = str(told.get("errorMessage") or told.get("message") or "")
        destination = (_settings(record).get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
        if destination:
            lambda_svc._route_async_failure(destination, config["FunctionName"], event, dict(result))
        if not (config.get("DeadLetterConfig") or {}).get("TargetArn"):
            log.warning(
                "%s: an event is lost, the function has no dead-letter queue: %s", config["FunctionName"], error
            )
            return
        code = TOO_MANY if result.get("throttle") else HANDLED
        letter = of_a_function(event, request=function_logs.latest_request(), code=code, error=error)
        letters.from_a_function(self._twin, config, letter)


def _now(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The function as it is now: each attempt runs what is deployed then."""
    found, current, _ = lambda_svc._get_func_record_for_ref(config["FunctionArn"])
    return lambda_svc._execution_record_for_config(found, current) if found and current else None


def _settings(record: Mapping[str, Any]) -> dict[str, Any]:
    by_version = (record.get("event_invoke_configs") or {}).get("$LATEST")
    return dict(record.get("event_invoke_config") or by_version or {})


def event_of(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def install(twin: Twin) -> Invocations:
    invocations = Invocations(twin)
    lambda_svc.invoke_async_with_retry = invocations.accept
    return invocations
