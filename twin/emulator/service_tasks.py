"""The tasks of one ECS service: started, registered with the load balancer, drained and stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from twin.emulator import tasks
from twin.emulator.deployment import Deployment, Service, balancer
from twin.emulator.replicas import Change, Replica, State
from twin.emulator.tasks import Task
from twin.emulator.traffic import Traffic, TrafficError

SCHEDULER = "ServiceSchedulerInitiated"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before another task is started after one that failed, doubled with each; AWS' longest is 15 minutes."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Leaving:
    since: float
    why: str


class ServiceTasks:
    """What is known of them beside what ECS says: who was ever healthy, who is registered, who is on its way out."""

    def __init__(self, service: Service, traffic: Traffic, tell: Tell) -> None:
        self._service = service
        self._traffic = traffic
        self._tell = tell
        self.failures: Counter[str] = Counter()
        """By deployment: tasks that ended before they were ever healthy."""
        self.refusal: str | None = None
        """Why the load balancer took no task, the last time that it was asked."""
        self._groups: dict[str, int] = {}
        """By deployment, the target group that its tasks register with."""
        self._known: dict[str, Task] = {}
        self._started: dict[str, float] = {}
        self._proven: set[str] = set()
        self._registered: dict[str, int] = {}
        self._leaving: dict[str, Leaving] = {}
        self._pause_until: dict[str, float] = {}
        self._in_a_row: Counter[str] = Counter()

    def look(self) -> None:
        """Take note of what happened since the last time, and see to whoever comes or goes."""
        now = time.monotonic()
        current = {task.arn: task for task in tasks.tasks_of(self._service["serviceArn"])}
        gone = [task for arn, task in self._known.items() if arn not in current]
        # Before anybody is called: a call that fails must leave no task half known, nor count an end twice.
        self._known, self._started = current, {arn: self._started.get(arn, now) for arn in current}
        for task in gone:
            self._gone(task)
        for task in current.values():
            if task.status == "RUNNING" and task.arn not in self._leaving:
                self._register(task)
        for arn, leaving in list(self._leaving.items()):
            self._see_off(current[arn], leaving, now)

    def replicas(self) -> list[Replica]:
        """Without those that are on their way out."""
        staying = [task for task in self._known.values() if task.arn not in self._leaving and task.status != "STOPPING"]
        return [Replica(task.arn, task.started_by, self._state(task)) for task in staying]

    @property
    def number(self) -> int:
        """Of all that have not stopped yet."""
        return len(self._known)

    def left(self, deployment: str) -> int:
        """Tasks of that deployment that have not stopped yet, whoever asked them to."""
        return sum(task.started_by == deployment for task in self._known.values())

    def counts(self, deployment: str) -> tuple[int, int]:
        """Running and pending."""
        ours = [task for task in self._known.values() if task.started_by == deployment]
        return sum(task.status == "RUNNING" for task in ours), sum(task.status == "PENDING" for task in ours)

    def apply(self, deployment: Deployment, wanted: Change) -> None:
        """Stop what is to be stopped and start tasks of the deployment."""
        for arn in wanted.stop:
            self.stop(arn, f"Scaling activity initiated by (deployment {deployment.id})")
        self._groups[deployment.id] = deployment.group
        if wanted.start:
            self._start(deployment.definition, deployment.id, wanted.start)

    def _start(self, definition: str, deployment: str, number: int) -> None:
        """Unless a task has just failed."""
        if time.monotonic() < self._pause_until.get(deployment, 0.0):
            return
        for _ in range(number):
            try:
                task = tasks.start_task(
                    definition,
                    cluster=self._service["clusterArn"],
                    service=self._service["serviceArn"],
                    started_by=deployment,
                    network=self._service.get("networkConfiguration"),
                )
            except tasks.TaskError as error:
                self._failed(deployment, str(error))
                return
            self._known[task.arn], self._started[task.arn] = task, time.monotonic()
            self._tell(f"has started 1 tasks: (task {_id(task.arn)}).")

    def stop(self, arn: str, why: str) -> None:
        """Deregister it, let it drain, then stop it."""
        if arn in self._leaving:
            return
        self._leaving[arn] = Leaving(time.monotonic(), why)
        if arn in self._registered:
            self._tell(f"deregistered 1 targets: (task {_id(arn)}).")
        self._deregister(self._known[arn])
        self._see_off(self._known[arn], self._leaving[arn], time.monotonic())

    def _state(self, task: Task) -> State:
        grace = float(self._service.get("healthCheckGracePeriodSeconds") or 0)
        broken = State.STARTING if time.monotonic() - self._started[task.arn] < grace else State.UNHEALTHY
        if task.health == "UNHEALTHY":
            return broken
        if not task.ready:
            return State.STARTING
        if balancer(self._service) is None:
            return self._prove(task)
        state = self._traffic.state(self._groups.get(task.started_by, 0), task.address)
        if state == "healthy":
            return self._prove(task)
        return broken if state == "unhealthy" else State.STARTING

    def _prove(self, task: Task) -> State:
        if task.arn not in self._proven:
            self._proven.add(task.arn)
            self._in_a_row[task.started_by] = 0
        return State.HEALTHY

    def _gone(self, task: Task) -> None:
        """It ended: because it was asked to, or by itself."""
        self._deregister(task)
        if task.arn not in self._leaving and task.status != "STOPPING":
            found = tasks.find_task(task.arn)
            why = (found.stopped_reason if found else None) or "it ended"
            if task.arn in self._proven:
                self._tell(f"(task {_id(task.arn)}) ended: {why}")
            else:
                self._failed(task.started_by, why)
        elif task.arn in self._leaving and task.arn not in self._proven and task.health == "UNHEALTHY":
            self._failed(task.started_by, self._leaving[task.arn].why)
        self._leaving.pop(task.arn, None)
        self._proven.discard(task.arn)

    def _failed(self, deployment: str, why: str) -> None:
        self.failures[deployment] += 1
        self._in_a_row[deployment] += 1
        pause = min(FIRST_PAUSE * 2 ** (self._in_a_row[deployment] - 1), LONGEST_PAUSE)
        self._pause_until[deployment] = time.monotonic() + pause
        self._tell(f"(deployment {deployment}) failed to start a task: {why}")

    def _register(self, task: Task) -> None:
        if balancer(self._service) is None or task.arn in self._registered:
            return
        group = self._groups.get(task.started_by, 0)
        try:
            self._traffic.register(group, task.address)
        except TrafficError as error:
            if self.refusal is None:
                self._tell(f"failed to register targets: {error}")
            self.refusal = str(error)
        else:
            self.refusal = None
            self._registered[task.arn] = group
            self._tell(f"registered 1 targets: (task {_id(task.arn)}).")

    def _deregister(self, task: Task) -> None:
        group = self._registered.pop(task.arn, None)
        if group is None:
            return
        try:
            self._traffic.deregister(group, task.address)
        except TrafficError as error:
            self._tell(f"failed to deregister targets: {error}")

    def _see_off(self, task: Task, leaving: Leaving, now: float) -> None:
        group = self._groups.get(task.started_by, 0)
        if (
            task.status == "RUNNING"
            and balancer(self._service) is not None
            and self._traffic.drains(group, task.address)
            and now - leaving.since < self._traffic.patience(group)
        ):
            return
        if task.status in {"PENDING", "RUNNING"}:
            tasks.stop_task(task.arn, leaving.why, code=SCHEDULER)


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]
