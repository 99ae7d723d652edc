"""A deployment that shifts traffic, step by step: the world is made as the rollout wants it, then looked at."""

from __future__ import annotations

import logging
import time

from twin.emulator import deployment as of
from twin.emulator.deployment import Deployment, Service
from twin.emulator.hooks import Hooks
from twin.emulator.replicas import change, healthy
from twin.emulator.rollouts import Outcome, Plan, Rollout, Seen, Stage, advance
from twin.emulator.service_tasks import ServiceTasks
from twin.emulator.traffic import Traffic, TrafficError

log = logging.getLogger("twin.deployments")


class Shift:
    """From the live deployment's tasks to those of the coming one."""

    def __init__(
        self,
        service: Service,
        live: Deployment,
        coming: Deployment,
        tasks: ServiceTasks,
        traffic: Traffic,
        hooks: Hooks,
    ) -> None:
        self._service = service
        self._live = live
        self._coming = coming
        self._tasks = tasks
        self._traffic = traffic
        self._hooks = hooks
        self.rollout = coming.rollout = Rollout(since=time.monotonic())
        self.moved = False
        """Whether the last turn brought another wish."""

    def turn(self, blue: int, trouble: str | None) -> Outcome | None:
        """While so many old tasks are kept; `trouble` takes everything back. The outcome once there is one."""
        before, plan = self.rollout, of.plan(self._service, blue=blue)
        applied, refusal = self._lead()
        self._follow(plan, applied=applied)
        self.rollout = advance(plan, before, self._seen(applied=applied, trouble=trouble or refusal))
        self._coming.rollout, self._coming.failed = self.rollout, self._tasks.failures[self._coming.id]
        self.moved = self.rollout != before
        if (self.rollout.stage, self.rollout.weight) != (before.stage, before.weight):
            self._tell()
        return self.rollout.outcome

    def _lead(self) -> tuple[bool, str | None]:
        """Whether the load balancer forwards as it should, and what was refused."""
        rollout, refusal = self.rollout, self._tasks.refusal
        try:
            return self._traffic.lead(self._live.group, weight=rollout.weight, test=rollout.test), refusal
        except TrafficError as error:
            # Where the role may not even give back what it may not take, nothing was taken.
            return rollout.stage is Stage.ROLLBACK, refusal or str(error)

    def _follow(self, plan: Plan, *, applied: bool) -> None:
        """Make the tasks and the hook's calls what the rollout wants."""
        rollout, replicas, limits = self.rollout, self._tasks.replicas(), of.bounds(self._service)
        old = [each for each in replicas if each.revision != self._coming.id]
        new = [each for each in replicas if each.revision == self._coming.id]
        blue = plan.blue if rollout.keeps_blue else 0
        green = plan.desired if rollout.keeps_green(applied=applied) else 0
        self._tasks.apply(self._live, change(old, self._live.id, blue, limits))
        self._tasks.apply(self._coming, change(new, self._coming.id, green, limits))
        if rollout.call and time.monotonic() >= rollout.call_at:
            self._hooks.call(rollout.call, rollout.stage.name, of.hooks(self._service, rollout.stage))

    def _seen(self, *, applied: bool, trouble: str | None) -> Seen:
        replicas = self._tasks.replicas()
        return Seen(
            now=time.monotonic(),
            blue=healthy(replicas, self._live.id),
            green=healthy(replicas, self._coming.id),
            blue_left=self._tasks.left(self._live.id),
            green_left=self._tasks.left(self._coming.id),
            applied=applied,
            failed=self._tasks.failures[self._coming.id],
            answer=self._hooks.answer(self.rollout.call) if self.rollout.call else None,
            trouble=trouble,
        )

    def _tell(self) -> None:
        name, rollout = self._service["serviceName"], self.rollout
        log.info(
            "%s %s stage=%s green=%d%% %s", name, self._coming.id, rollout.stage.name, rollout.weight, rollout.reason
        )
