"""One instance of an App Runner service: its container as a task's is run, with App Runner's roles."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from twin.emulator import administrator, credentials, role_clients, task_registry
from twin.emulator import memory as memory_of
from twin.emulator.control import RefusedError
from twin.emulator.execution import Clients, StartError
from twin.emulator.task_process import Order, TaskProcess
from twin.emulator.template_types import fresh
from twin.folder import Twin

PULLS, RUNS = "build.apprunner.amazonaws.com", "tasks.apprunner.amazonaws.com"
CONTAINER = "service"
STOP_SECONDS = 30
log = logging.getLogger("twin.apprunner")


class Instance:
    """Starts at once. `failure` says why it ended by itself."""

    def __init__(self, twin: Twin, service: str, identity: str, properties: Mapping[str, Any]) -> None:
        self.failure: str | None = None
        self._twin = twin
        self._source = properties["SourceConfiguration"]
        self._image = self._source["ImageRepository"]
        self._size = properties.get("InstanceConfiguration") or {}
        self._stopped = False
        group = f"/aws/apprunner/{service}/{identity}"
        for kind in ("application", "service"):
            _make_group(f"{group}/{kind}")
        order = Order(
            arn=f"apprunner/{fresh(length=32)}",
            definition={"family": service, "containerDefinitions": [self._container(f"{group}/application")]},
            overrides={},
            address=task_registry.free_address(twin),
            clients=self._clients,
            role=lambda: self._assume(self._size.get("InstanceRoleArn"), RUNS),
        )
        self.target = (order.address, int((self._image.get("ImageConfiguration") or {}).get("Port", 8080)))
        self._process = TaskProcess(twin, order, self)
        # Whoever looks for a free address looks there.
        task_registry.processes[order.arn] = self._process
        self._process.start()

    @property
    def runs(self) -> bool:
        return self._process.is_alive() and not self._stopped

    def stop(self, why: str) -> None:
        self._stopped = True
        if self._process.is_alive():
            self._process.stop("ServiceSchedulerInitiated", why)

    def memory(self) -> float | None:
        """Percent of what the instance has."""
        pids = [each.process.pid for each in self._process.containers if each.process]
        limit = _bytes(str(self._size.get("Memory", "2048")))
        return 100 * sum(map(memory_of.used, pids)) / limit if pids else None

    def running(self, started: Mapping[str, str]) -> None:
        log.info("runs %s", started)

    def healthy(self, status: str, each: Mapping[str, str]) -> None:
        """Its health is the balancer's to find out."""

    def stopping(self, code: str, reason: str) -> None:
        log.info("is asked to end: %s %s", code, reason)

    def stopped(self, code: str, reason: str, codes: Mapping[str, int]) -> None:
        task_registry.processes.pop(self._process.order.arn, None)
        if not self._stopped:
            self.failure = f"{reason} {dict(codes) or ''}".strip()
            log.warning("ended by itself: %s %s", code, self.failure)

    def _container(self, group: str) -> dict[str, Any]:
        """As ECS would have it."""
        given = self._image.get("ImageConfiguration") or {}
        return {
            "name": CONTAINER,
            "image": self._image["ImageIdentifier"],
            "environment": _pairs(given.get("RuntimeEnvironmentVariables"), "value"),
            "secrets": _pairs(given.get("RuntimeEnvironmentSecrets"), "valueFrom"),
            "mountPoints": [{"containerPath": "/tmp", "sourceVolume": "scratch"}],  # noqa: S108  # in a container
            "stopTimeout": STOP_SECONDS,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": group, "awslogs-stream-prefix": "instance"},
            },
        }

    def _clients(self) -> Clients:
        """The access role pulls, the instance role reads secrets, and App Runner itself writes logs."""
        access = (self._source.get("AuthenticationConfiguration") or {}).get("AccessRoleArn")
        pulls = role_clients.clients(self._twin, self._assume(access, PULLS))
        reads = role_clients.clients(self._twin, self._assume(self._size.get("InstanceRoleArn"), RUNS))

        def client(service: str) -> Any:
            if service == "logs":
                return administrator.client(service)
            return (pulls if service == "ecr" else reads)(service)

        return client

    def _assume(self, role: str | None, service: str) -> dict[str, str]:
        """Raises StartError."""
        if not role:
            return {}
        try:
            given = credentials.give({"role": role, "service": service, "session": "apprunner"})
        except RefusedError as error:
            raise StartError(f"App Runner cannot assume {role}: {error}") from error
        return role_clients.as_variables(given)


def _pairs(given: Any, field: str) -> list[dict[str, str]]:
    return [{"name": pair["Name"], field: str(pair["Value"])} for pair in given or ()]


def _bytes(memory: str) -> int:
    """App Runner takes megabytes, or gigabytes as `2 GB`."""
    number, _, unit = memory.partition(" ")
    return int(float(number) * 2**30) if unit or float(number) < 64 else int(number) * 2**20


def _make_group(name: str) -> None:
    with contextlib.suppress(administrator.client("logs").exceptions.ResourceAlreadyExistsException):
        administrator.client("logs").create_log_group(logGroupName=name)
