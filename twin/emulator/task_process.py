"""One task of ECS from its image to its end: containers as processes, their health, their logs, their exit codes."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from twin import processes
from twin.emulator import containers, execution
from twin.emulator.execution import Clients, StartError
from twin.emulator.task_health import UNKNOWN, Health, answers, of_task
from twin.emulator.task_log import LogShipper
from twin.folder import Twin, TwinError
from twin.programs import Reference, program, reference

REFUSED = "CannotStartContainerError"
TICK = 0.2
SHIPPED_EVERY = 1.0
"""Seconds, for looking at a task and for sending what its containers wrote."""
logger = logging.getLogger("twin.tasks")


class Report(Protocol):
    """Who is told what becomes of the task. Containers are known by their names, `codes` are their exit codes."""

    def running(self, started: Mapping[str, str]) -> None:
        """`started` are the digests of the images of what runs."""

    def healthy(self, status: str, each: Mapping[str, str]) -> None: ...

    def stopping(self, code: str, reason: str) -> None: ...

    def stopped(self, code: str, reason: str, codes: Mapping[str, int]) -> None: ...


@dataclass(frozen=True)
class Order:
    """What is to run. `clients` are the execution role's, made when the task starts."""

    arn: str
    definition: Mapping[str, Any]
    overrides: Mapping[str, Mapping[str, Any]]
    """Of each container that has one, by name."""
    address: str
    clients: Callable[[], Clients]
    role: Callable[[], Mapping[str, str]]
    """The variables of the task role's credentials. Both raise StartError."""

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass
class Container:
    """A container whose image is this project's."""

    definition: Mapping[str, Any]
    image: Reference
    log: Path
    shipper: LogShipper | None = None
    digest: str = ""
    secrets: Mapping[str, str] | None = None
    process: subprocess.Popen[bytes] | None = None
    health: Health | None = None
    check: containers.Check | None = None

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def essential(self) -> bool:
        return bool(self.definition.get("essential", True))


class TaskProcess(threading.Thread):
    """The thread that starts a task's containers and stays with them."""

    def __init__(self, twin: Twin, order: Order, report: Report) -> None:
        super().__init__(name=f"task-{order.id[:8]}", daemon=True)
        self._twin = twin
        self.order = order
        self._report = report
        self._asked: tuple[str, str] | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self.folder = twin.folder / "tasks" / order.id
        self.containers = self._containers()

    def stop(self, code: str, reason: str) -> None:
        """Ask for its end; the first reason counts."""
        with self._lock:
            if self._asked is None:
                self._asked = code, reason
                self._report.stopping(code, reason)
        self._wake.set()

    def run(self) -> None:
        try:
            self._end(*self._live())
        except Exception as error:
            # A task that nobody stays with would be said to run for ever.
            logger.exception("task %s", self.order.id)
            self._end("TaskFailedToStart", f"the twin could not run it: {error!r}")

    def _live(self) -> tuple[str, str]:
        """Its stop code and its reason."""
        try:
            self._start()
        except (StartError, TwinError, OSError, ValueError) as error:
            return "TaskFailedToStart", str(error) if isinstance(error, StartError) else f"{REFUSED}: {error}"
        with self._lock:
            if self._asked is None:
                self._report.running({container.name: container.digest for container in self.containers})
        return self._stay()

    def _containers(self) -> list[Container]:
        """Those of our images; what another image does, such as a collector of metrics, is not shown by a twin."""
        found = []
        for definition in self.order.definition["containerDefinitions"]:
            image = reference(definition["image"])
            log = self._twin.folder / "logs/tasks" / f"{self.order.definition['family']}-{self.order.id[:8]}.log"
            if image.program is None:
                logger.warning("%s: container %s is not run: %s is no image of this project",
                               self.order.id, definition["name"], definition["image"])  # fmt: skip
            else:
                found.append(Container(definition, image, log.with_suffix(f".{definition['name']}.log")))
        return found

    def _start(self) -> None:
        clients, role = self.order.clients(), self.order.role()
        for container in self.containers:
            container.digest = execution.pull(clients, container.image)
            container.secrets = execution.resolve(clients, containers.secret_references(container.definition))
            if target := containers.log_target(container.definition, self.order.id):
                container.shipper = LogShipper(execution.open_log(clients, target), target, container.log)
        for container in self.containers:
            if self._asked is None:
                self._launch(container, role)

    def _launch(self, container: Container, role: Mapping[str, str]) -> None:
        start = containers.start(
            container.definition,
            override=self.order.overrides.get(container.name, {}),
            program=program(str(container.image.program)),
            secrets=container.secrets or {},
            credentials=role,
            address=self.order.address,
            twin=self._twin,
            task=self.folder,
        )
        for folder in (self.folder, *containers.scratch(container.definition, self.folder).values(), start.folder):
            folder.mkdir(parents=True, exist_ok=True)
        container.process = processes.start(
            self._twin.folder,
            self._record(container),
            start.command,
            environment=start.environment,
            cwd=start.folder,
            log=container.log,
        )
        container.check = containers.check(container.definition)
        if container.check is not None:
            container.health = Health(container.check, time.monotonic())

    def _stay(self) -> tuple[str, str]:
        """Until it is asked to end or an essential container has ended: the stop code and the reason."""
        shipped = 0.0
        while self._asked is None:
            if any(each.essential and each.process and each.process.poll() is not None for each in self.containers):
                return "EssentialContainerExited", "Essential container in task exited"
            self._look()
            if time.monotonic() - shipped >= SHIPPED_EVERY:
                self._ship()
                shipped = time.monotonic()
            self._wake.wait(TICK)
        return self._asked

    def _look(self) -> None:
        before = self.health
        for container in self.containers:
            health, check = container.health, container.check
            if health and check and health.due(time.monotonic()):
                health.saw(answers(self.order.address, check), time.monotonic())
        if self.health != before:
            self._report.healthy(self.health, {each.name: each.health.status if each.health else UNKNOWN
                                               for each in self.containers})  # fmt: skip

    @property
    def health(self) -> str:
        return of_task([each.health.status for each in self.containers if each.health and each.essential])

    def _ship(self, *, all_of_it: bool = False) -> None:
        for container in self.containers:
            if container.shipper:
                container.shipper.ship(all_of_it=all_of_it)

    def _end(self, code: str, reason: str) -> None:
        """End what still runs, in as much time as the definitions give, and tell."""
        running = [container for container in self.containers if container.process]
        for container in running:
            if container.process and container.process.poll() is None:
                container.process.terminate()
        codes = {container.name: self._ended(container) for container in running}
        self._ship(all_of_it=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._report.stopped(code, reason, codes)

    def _ended(self, container: Container) -> int:
        """The exit code, once nothing of the container is left: with its first process, all others end."""
        process = container.process
        assert process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(containers.stop_seconds(container.definition))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        (self._twin.folder / "processes" / f"{self._record(container)}.json").unlink(missing_ok=True)
        return code if code >= 0 else 128 - code

    def _record(self, container: Container) -> str:
        return f"task-{self.order.id}-{container.name}"
