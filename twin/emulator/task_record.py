"""What ECS says of a task: the record that MiniStack answers DescribeTasks with, kept true to the task's processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import new_uuid, now_iso, request_scope
from ministack.services import ecs

from twin.folder import ACCOUNT, REGION

Record = dict[str, Any]


class TaskRecord:
    """A task's record; each method is one change of it, told to `changed`."""

    def __init__(self, record: Record, changed: Callable[[str], None]) -> None:
        self.record = record
        self._changed = changed

    def placed(self, address: str) -> None:
        """It has a network interface, as awsvpc gives one, and pulls its images."""
        attachment = new_uuid()
        details = [{"name": "privateIPv4Address", "value": address}]
        if self.record.get("_subnet"):
            details.insert(0, {"name": "subnetId", "value": self.record["_subnet"]})
        self._change(
            lastStatus="PENDING",
            pullStartedAt=now_iso(),
            attachments=[
                {"id": attachment, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}
            ],
            each=lambda _: {
                "networkInterfaces": [{"attachmentId": attachment, "privateIpv4Address": address}],
            },
        )

    def running(self, started: Mapping[str, str]) -> None:
        """A container whose image the twin cannot run stays PENDING; it is not one of `started`."""
        self._change(
            lastStatus="RUNNING",
            startedAt=now_iso(),
            pullStoppedAt=now_iso(),
            each=lambda name: (
                {"lastStatus": "RUNNING", "imageDigest": started[name], "runtimeId": new_uuid()[:12]}
                if name in started
                else {"reason": "The twin runs no image but this project's"}
            ),
        )

    def healthy(self, status: str, each: Mapping[str, str]) -> None:
        self._change(healthStatus=status, each=lambda name: {"healthStatus": each.get(name, "UNKNOWN")})

    def stopping(self, code: str, reason: str) -> None:
        self._change(
            lastStatus="STOPPING", desiredStatus="STOPPED", stoppingAt=now_iso(), stopCode=code, stoppedReason=reason
        )

    def stopped(self, code: str, reason: str, codes: Mapping[str, int]) -> None:
        self._change(
            lastStatus="STOPPED",
            desiredStatus="STOPPED",
            stoppedAt=now_iso(),
            stopCode=code,
            stoppedReason=reason,
            healthStatus="UNKNOWN",
            each=lambda name: {"lastStatus": "STOPPED", **({"exitCode": codes[name]} if name in codes else {})},
        )

    def _change(self, *, each: Callable[[str], Record] = lambda _: {}, **fields: Any) -> None:
        record = self.record
        with request_scope(ACCOUNT, REGION):
            with resource_lock("ecs-task", record["taskArn"]):
                record.update(fields, version=int(record["version"]) + 1)
                for container in record["containers"]:
                    container.update(each(container["name"]))
            ecs._recount_cluster(record["clusterArn"].rpartition("/")[2])
        self._changed(record["taskArn"])


def find(arn: str) -> Record | None:
    with request_scope(ACCOUNT, REGION):
        found: Record | None = ecs._tasks.get(arn)
    return found


def all_of_them() -> list[Record]:
    """Oldest first."""
    with request_scope(ACCOUNT, REGION):
        return list(ecs._tasks.values())
