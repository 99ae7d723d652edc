"""The scheduler of one ECS service: keeps its tasks running, and brings a deployment to exactly one end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from twin.emulator import deployment as of
from twin.emulator import service_view, tasks
from twin.emulator.deployment import COMPLETED, FAILED, SUPERSEDED, Deployment, Service
from twin.emulator.hooks import Hooks
from twin.emulator.replicas import change, settled
from twin.emulator.rollouts import Outcome
from twin.emulator.service_tasks import ServiceTasks
from twin.emulator.shifting import Shift
from twin.emulator.traffic import Traffic
from twin.folder import ACCOUNT, REGION, Twin

TICK = 0.2
CALM = 1.0
"""Seconds between two looks at a service in which nothing happens; a task that changes wakes it."""
KEPT = 20
"""Deployments of the past that are still told of."""
log = logging.getLogger("twin.deployments")


class Scheduler(threading.Thread):
    """`service` is MiniStack's record, which is kept true. Whoever changes it holds `lock` meanwhile."""

    def __init__(self, twin: Twin, service: Service) -> None:
        super().__init__(name=f"service-{service['serviceName']}", daemon=True)
        self.lock = threading.RLock()
        self.service = service
        self.history: list[Deployment] = []
        self._twin = twin
        self._wake = threading.Event()
        self._traffic = Traffic(twin, service)
        self._tasks = ServiceTasks(service, self._traffic, self._tell)
        self._live: Deployment | None = None
        """The last one that was completed."""
        self._coming: Deployment | None = None
        self.waiting: Deployment | None = None
        """What was asked for while another one was under way."""
        self._blue = 0
        self._shift: Shift | None = None
        """Of the coming deployment, where it moves traffic."""
        self._ignored: frozenset[str] = frozenset()
        self._steady = False

    def deploy(self, *, before: int) -> Deployment:
        """Bring the service's definition; `before` is how many tasks it should have had until now."""
        with self.lock, request_scope(ACCOUNT, REGION):
            self._steady = False
            asked = Deployment(self.service["taskDefinition"])
            if self._coming is not None and self._shift is not None:
                if self.waiting is not None:
                    self.waiting.end(FAILED, SUPERSEDED)
                self.waiting = asked
            else:
                if self._coming is not None:
                    self._end(self._coming, FAILED, SUPERSEDED)
                self._begin(asked, before)
            self.wake()
            return asked

    def resize(self) -> None:
        """The desired count is another one."""
        with self.lock:
            self._steady = False
            self._blue = self.service["desiredCount"] if self._blue else 0
            self.wake()

    def wake(self) -> None:
        self._wake.set()

    @property
    def steady(self) -> bool:
        """Whether what should run runs, and nothing else does."""
        with self.lock:
            return self._coming is None and self.waiting is None and self._steady

    def run(self) -> None:
        """Until the service is gone."""
        while self.service["status"] != "INACTIVE":
            self._wake.wait(CALM if self._steady else TICK)
            self._wake.clear()
            try:
                with self.lock, request_scope(ACCOUNT, REGION):
                    self._turn()
            except Exception:
                # A defect in one turn must not end the keeping of the service.
                log.exception("%s: a turn of its scheduler failed", self.service["serviceName"])
                time.sleep(CALM)

    def _turn(self) -> None:
        self._tasks.look()
        if self.service["status"] == "DRAINING":
            self._drain()
        elif self._coming is not None and self._shift is not None:
            self._move(self._coming, self._shift)
        elif self._coming is not None:
            self._roll(self._coming)
        else:
            self._keep()
        self.publish()

    def _begin(self, asked: Deployment, before: int) -> None:
        self.history = [asked, *self.history][:KEPT]
        self.service["taskDefinition"] = asked.definition
        asked.group = self._live.group if self._live else 0
        asked.reason = f"ECS deployment {asked.id} in progress."
        self._coming, self._blue = asked, before
        names = of.alarm_names(self.service)
        # AWS, too, lets a deployment pass that is made to mend what the alarm tells of.
        self._ignored = frozenset(name for name in names if _fires(name))
        service_view.send(self.service, asked)
        self._shift = None
        if self._live is not None and of.shifts_traffic(self.service) and self.service["desiredCount"]:
            asked.group = 1 - self._live.group
            hooks = Hooks(self._twin, _event(self.service, asked))
            self._shift = Shift(self.service, self._live, asked, self._tasks, self._traffic, hooks)

    def _keep(self) -> None:
        """No deployment is under way: replace what dies."""
        replicas = self._tasks.replicas()
        if self._live is None:
            self._stop([each.id for each in replicas], "the service's first deployment failed")
            return
        self._tasks.apply(
            self._live, change(replicas, self._live.id, self.service["desiredCount"], of.bounds(self.service))
        )
        steady = settled(replicas, self._live.id, self.service["desiredCount"])
        if steady and not self._steady:
            self._tell("has reached a steady state.")
        self._steady = steady

    def _roll(self, coming: Deployment) -> None:
        """New tasks in, old tasks out, within the bounds."""
        desired, replicas = self.service["desiredCount"], self._tasks.replicas()
        coming.failed = self._tasks.failures[coming.id]
        if reason := self._failure(coming):
            self._end(coming, FAILED, reason)
            self._coming = None
            return
        self._tasks.apply(coming, change(replicas, coming.id, desired, of.bounds(self.service)))
        if settled(self._tasks.replicas(), coming.id, desired) and self._tasks.number == desired:
            self._complete(coming)

    def _failure(self, coming: Deployment) -> str | None:
        most, _ = of.breaker(self.service)
        if most and coming.failed >= most:
            return "ECS deployment circuit breaker: tasks failed to start."
        return self._alarm()

    def _move(self, coming: Deployment, shift: Shift) -> None:
        """One step of a deployment that moves traffic from the live tasks to new ones."""
        outcome = shift.turn(self._blue, self._alarm() or (SUPERSEDED if self.waiting else None))
        if outcome is Outcome.SUCCESSFUL:
            self._complete(coming)
        elif outcome is Outcome.ROLLED_BACK:
            self._taken_back(coming, shift.rollout.reason)
        if shift.moved:
            self._wake.set()

    def _stop(self, arns: Sequence[str], why: str) -> None:
        for arn in arns:
            self._tasks.stop(arn, why)

    def _drain(self) -> None:
        replicas = self._tasks.replicas()
        self._stop([each.id for each in replicas], f"(service {self.service['serviceName']}) was deleted")
        if not tasks.tasks_of(self.service["serviceArn"]):
            for each in (self._coming, self.waiting):
                if each is not None:
                    each.end(FAILED, "the service was deleted.")
            self.service["status"] = "INACTIVE"

    def _complete(self, coming: Deployment) -> None:
        self._live, self._coming = coming, None
        self._tell(f"(deployment {coming.id}) deployment completed.")
        self._end(coming, COMPLETED, f"ECS deployment {coming.id} completed.")

    def _taken_back(self, coming: Deployment, reason: str) -> None:
        """Whatever was asked for meanwhile comes now; what the live tasks are anyway is there already."""
        assert self._live is not None
        self._coming = None
        self._end(coming, FAILED, reason)
        asked, self.waiting = self.waiting, None
        if asked is None:
            self.service["taskDefinition"] = self._live.definition
        elif asked.definition == self._live.definition:
            asked.end(COMPLETED, f"ECS deployment {asked.id} completed.")
        else:
            self._begin(asked, self._blue)

    def _end(self, deployment: Deployment, state: str, reason: str) -> None:
        deployment.end(state, reason)
        if state == FAILED:
            self._tell(f"(deployment {deployment.id}) deployment failed: {reason}")
            if self._live is not None:
                self.service["taskDefinition"] = self._live.definition
        log.info("%s %s %s %s", self.service["serviceName"], deployment.id, state, reason)
        service_view.send(self.service, deployment)

    def _alarm(self) -> str | None:
        fires = [name for name in of.alarm_names(self.service) if name not in self._ignored and _fires(name)]
        return f"alarm detected: {', '.join(fires)}." if fires else None

    def publish(self) -> None:
        """Make the service's record what is so."""
        shown = [each for each in (self._coming, self._live) if each is not None]
        if not shown:
            shown = self.history[:1]
        service_view.publish(self.service, shown, {each.id: self._tasks.counts(each.id) for each in shown})

    def _tell(self, message: str) -> None:
        service_view.tell(self.service, message)


def _event(service: Service, asked: Deployment) -> dict[str, Any]:
    """What a hook is told."""
    return {
        "executionDetails": {
            "serviceArn": service["serviceArn"],
            "targetServiceRevisionArn": service_view.revision_arn(service, asked),
            "testTrafficWeights": {},
            "productionTrafficWeights": {},
        },
        "resourceArn": service_view.deployment_arn(service, asked),
    }


def _fires(name: str) -> bool:
    found = cloudwatch._alarms.get(name)
    return bool(found) and found["StateValue"] == "ALARM"
