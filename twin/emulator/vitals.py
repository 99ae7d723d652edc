"""What AWS itself measures and the alarms here read, on one beat with the alarms: first measured, then judged."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ministack.core.responses import request_scope
from ministack.services import cloudwatch, ecs, sqs

from twin.emulator import alarms
from twin.folder import ACCOUNT, REGION, Twin

BEAT = 1.0
QUIET = 60.0
"""Seconds after which an empty queue is measured again."""
Memory = Callable[[str], float | None]
log = logging.getLogger("twin.vitals")
_memory: list[Memory] = []
_empty: dict[str, float] = {}


def memory(measure: Memory) -> Memory:
    """Register who knows what share of its memory, in percent, an ECS service's tasks take; None: no task runs."""
    _memory.append(measure)
    return measure


def install(_: Twin) -> None:
    """Begin, once everything else is in place."""
    threading.Thread(target=_go_on, name="vitals", daemon=True).start()


def _go_on() -> None:
    while True:
        with request_scope(ACCOUNT, REGION):
            for step in (_queues, _services, alarms.evaluate_all):
                try:
                    step()
                except Exception:
                    # One alarm that cannot be judged must not end the judging of all others.
                    log.exception("%s failed", step.__name__)
        time.sleep(BEAT)


def _queues() -> None:
    now = time.time()
    for queue in list(sqs._queues.values()):
        name = queue["attributes"]["QueueArn"].rpartition(":")[2]
        visible = sum(1 for message in list(queue["messages"]) if message["visible_at"] <= now)
        if visible or now - _empty.get(name, 0.0) >= QUIET:
            _empty[name] = 0.0 if visible else now
            cloudwatch.record_metric(
                "AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, "Count", {"QueueName": name}
            )


def _services() -> None:
    for service in list(ecs._services.values()):
        name = service["serviceName"]
        for measure in _memory:
            share = measure(name)
            if share is not None:
                dimensions = {"ClusterName": service["clusterArn"].rpartition("/")[2], "ServiceName": name}
                cloudwatch.record_metric("AWS/ECS", "MemoryUtilization", share, "Percent", dimensions)
