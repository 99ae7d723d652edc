"""One App Runner service: its instance, what leads to it, and the operations that it has seen."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from twin import poll
from twin.emulator import balancers
from twin.emulator.apprunner_instance import Instance
from twin.emulator.balancers import reports
from twin.folder import ACCOUNT, REGION, Twin, TwinError

RUNNING, UPDATING, DELETED = "RUNNING", "OPERATION_IN_PROGRESS", "DELETED"
SUCCEEDED, ROLLED_BACK, FAILED = "SUCCEEDED", "ROLLBACK_SUCCEEDED", "FAILED"
PORT = 443
LOOK = 0.5
CHECKED_EVERY = 0.5
LONGEST_START = 60.0
"""Seconds that an instance has to become healthy, unless its health check gives less."""
DRAINS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
Properties = Mapping[str, Any]


class RunnerService(threading.Thread):
    """The thread restarts an instance that ended."""

    def __init__(self, twin: Twin, arn: str, name: str, identity: str, url: str) -> None:
        super().__init__(name=f"apprunner-{name}", daemon=True)
        self.arn, self.title, self.identity, self.url = arn, name, identity, url
        self.operations: list[dict[str, Any]] = []
        self._twin = twin
        self._address = balancers.address(twin, arn)
        self._properties: Properties = {}
        self._instance: Instance | None = None
        self._status = UPDATING
        self._created = time.time()
        self._changing = threading.Lock()
        self._over = threading.Event()
        self.ended = False

    def deploy(self, properties: Properties) -> str | None:
        """Serve these properties; the reason, if the service serves what it served before."""
        with self._changing:
            self._status = UPDATING
            reason = self._replace(properties)
            outcome = SUCCEEDED if reason is None else ROLLED_BACK if self._instance else FAILED
            kind = "UPDATE_SERVICE" if self.operations else "CREATE_SERVICE"
            self.operations.insert(0, {"Id": self.identity, "Type": kind, "Status": outcome, "TargetArn": self.arn})
            self._status = RUNNING
            return reason

    def delete(self) -> None:
        self._over.set()
        with self._changing:
            balancers.drop(self.arn)
            if self._instance is not None:
                self._retire(self._instance)
            self._status, self.ended = DELETED, True

    def run(self) -> None:
        """Until it is deleted."""
        pause = FIRST_PAUSE
        while not self._over.wait(LOOK):
            if self._instance is not None and self._instance.runs:
                self._measure(self._instance)
                continue
            with self._changing:
                if not self._over.is_set() and self._replace(self._properties):
                    self._over.wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                else:
                    pause = FIRST_PAUSE

    def summary(self) -> dict[str, Any]:
        return {
            "ServiceName": self.title,
            "ServiceId": self.identity,
            "ServiceArn": self.arn,
            "ServiceUrl": self.url,
            "CreatedAt": self._created,
            "Status": self._status,
        }

    def described(self) -> dict[str, Any]:
        """As the API has it, where variables are a map; templates have a list of pairs."""
        told = ("SourceConfiguration", "InstanceConfiguration", "HealthCheckConfiguration", "NetworkConfiguration")
        return {
            **self.summary(),
            **{name: _mapped(self._properties[name]) for name in told if name in self._properties},
        }

    def _replace(self, properties: Properties) -> str | None:
        """Bring a new instance in, then take the old one out."""
        old, new = self._instance, Instance(self._twin, self.title, self.identity, properties)
        self._lead(properties, [each for each in (old, new) if each is not None and (each is new or each.runs)])
        try:
            self._await(new, _patience(properties))
        except TwinError as error:
            self._lead(self._properties or properties, [old] if old is not None and old.runs else [])
            new.stop(str(error))
            return str(error)
        self._properties, self._instance = properties, new
        self._lead(properties, [new])
        if old is not None:
            self._retire(old)
        return None

    def _await(self, instance: Instance, patience: float) -> None:
        """Raises TwinError."""

        def healthy() -> bool:
            if instance.failure is not None:
                raise TwinError(instance.failure)
            return reports.state(self.arn, instance.target) == "healthy"

        poll.until(f"{self.title} passes its health check", healthy, seconds=patience, every=0.1)

    def _retire(self, instance: Instance) -> None:
        """Once it leads nowhere and its last request is answered, it ends."""
        reports.leave(self.arn, instance.target)
        # The balancer may not run; then nothing is under way either.
        with contextlib.suppress(poll.WaitError):
            poll.until("drained", lambda: instance.target not in reports.draining(self.arn), seconds=DRAINS, every=0.1)
        instance.stop("The service has another instance")

    def _lead(self, properties: Properties, instances: list[Instance]) -> None:
        given = properties.get("HealthCheckConfiguration") or {}
        check = {
            "path": given.get("Path", "/"),
            "matcher": "200",
            "interval": CHECKED_EVERY,
            "timeout": float(given.get("Timeout", 2)),
            "healthy": int(given.get("HealthyThreshold", 1)),
            "unhealthy": max(int(_patience(properties) / CHECKED_EVERY), 1),
        }
        rule = {"priority": 1, "targets": [{"group": self.arn, "weight": 1}]}
        listener = {"port": PORT, "address": self._address, "bind_port": balancers.open_port(PORT), "secure": True}
        targets = [{"address": each.target[0], "port": each.target[1]} for each in instances]
        balancers.add(
            self.arn,
            {
                "name": f"apprunner/{self.title}/{self.identity}",
                "dns": self.url,
                "listeners": [{**listener, "rules": [rule]}],
                "groups": {self.arn: {"health": check, "targets": targets}},
            },
        )

    def _measure(self, instance: Instance) -> None:
        share = instance.memory()
        if share is not None:
            dimensions = {"ServiceName": self.title, "ServiceID": self.identity}
            with request_scope(ACCOUNT, REGION):
                cloudwatch.record_metric("AWS/AppRunner", "MemoryUtilization", share, "Percent", dimensions)


def _patience(properties: Properties) -> float:
    given = properties.get("HealthCheckConfiguration") or {}
    return min(float(given.get("UnhealthyThreshold", 5)) * float(given.get("Interval", 5)), LONGEST_START)


def _mapped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _mapped(each) for name, each in value.items()}
    if isinstance(value, list) and all(isinstance(each, Mapping) and set(each) == {"Name", "Value"} for each in value):
        return {each["Name"]: each["Value"] for each in value}
    return value
