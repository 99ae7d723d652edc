"""A deployment that shifts traffic from the tasks that serve (blue) to new ones (green): pure, without a clock.

The stages are those of ECS' blue/green, canary and linear deployments. A rollout says how the world should be; whoever
drives it makes the world so, looks, and asks for the next rollout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

ALL = 100


class Stage(IntEnum):
    """In their order; a hook may be asked at the end of each but the three that no hook may be given for."""

    RECONCILE_SERVICE = 0
    PRE_SCALE_UP = 1
    SCALE_UP = 2
    POST_SCALE_UP = 3
    TEST_TRAFFIC_SHIFT = 4
    POST_TEST_TRAFFIC_SHIFT = 5
    PRODUCTION_TRAFFIC_SHIFT = 6
    POST_PRODUCTION_TRAFFIC_SHIFT = 7
    BAKE_TIME = 8
    CLEAN_UP = 9
    ROLLBACK = 10


class Outcome(Enum):
    SUCCESSFUL = "SUCCESSFUL"
    ROLLED_BACK = "ROLLBACK_SUCCESSFUL"


@dataclass(frozen=True)
class Plan:
    """What is promised. Times in seconds; `steps` are the percentages of traffic before all of it."""

    desired: int
    blue: int = 0
    """How many tasks of the old revision are kept meanwhile."""
    steps: Sequence[int] = ()
    step_bake: float = 0.0
    bake: float = 0.0
    hooks: frozenset[Stage] = frozenset()
    hook_timeouts: Mapping[Stage, float] = field(default_factory=dict)
    failures: int = 0
    """So many tasks may fail to start; 0 for no circuit breaker."""


@dataclass(frozen=True)
class Answer:
    """Of a hook: SUCCEEDED, FAILED, or IN_PROGRESS with the seconds until it wants to be asked again."""

    status: str
    delay: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Seen:
    """The world at one moment."""

    now: float
    blue: int
    """Healthy tasks of the old revision, by their checks and the load balancer's; `green` of the new one."""
    green: int
    blue_left: int
    """Tasks of the old revision that run or drain; `green_left` of the new one."""
    green_left: int
    applied: bool
    """The load balancer forwards as the rollout says."""
    failed: int = 0
    answer: Answer | None = None
    """The hook's, to the call that the rollout asks for; None until it comes."""
    trouble: str | None = None
    """An alarm that fired, a call that was refused, another deployment that takes over."""


@dataclass(frozen=True)
class Rollout:
    """`weight`: percent of production traffic on green. `test`: whether the test rule leads to green."""

    since: float
    """When this stage, or this step of the shift, began to count."""
    stage: Stage = Stage.RECONCILE_SERVICE
    weight: int = 0
    test: bool = False
    baking: bool = False
    call: int = 0
    """The number of the hook call that is wanted; 0 while none is."""
    calls: int = 0
    call_at: float = 0.0
    asked_since: float | None = None
    reason: str = ""
    outcome: Outcome | None = None

    def keeps_green(self, *, applied: bool) -> bool:
        """Whether there are to be new tasks; they stay until nothing leads to them."""
        back = self.stage is Stage.ROLLBACK
        return self.stage >= Stage.SCALE_UP and not (back and applied and not self.weight and not self.test)

    @property
    def keeps_blue(self) -> bool:
        return self.stage is not Stage.CLEAN_UP


def advance(plan: Plan, rollout: Rollout, seen: Seen) -> Rollout:
    """The next wish. Ends, with exactly one outcome, once what is no longer wanted is gone."""
    if rollout.outcome is not None or rollout.stage >= Stage.CLEAN_UP:
        return _ending(plan, rollout, seen)
    if reason := _trouble(plan, rollout, seen):
        return _go_back(rollout, seen, reason)
    if rollout.asked_since is not None:
        return _hooked(plan, rollout, seen)
    if not _done(plan, rollout, seen):
        return _toward(plan, rollout, seen)
    if rollout.stage in plan.hooks:
        return _asking(rollout, seen.now, since=seen.now)
    return _next(rollout, seen)


def _ending(plan: Plan, rollout: Rollout, seen: Seen) -> Rollout:
    if rollout.outcome is not None:
        return rollout
    if rollout.stage is Stage.CLEAN_UP:
        return rollout if seen.blue_left else replace(rollout, outcome=Outcome.SUCCESSFUL)
    if rollout.weight or rollout.test:
        # Where blue has died meanwhile, green goes on serving until blue is back.
        waits = plan.blue and not seen.blue and seen.green
        return rollout if waits else replace(rollout, weight=0, test=False)
    gone = seen.applied and not seen.green_left
    return replace(rollout, outcome=Outcome.ROLLED_BACK) if gone else rollout


def _trouble(plan: Plan, rollout: Rollout, seen: Seen) -> str | None:
    if seen.trouble:
        return seen.trouble
    if plan.failures and seen.failed >= plan.failures and rollout.stage <= Stage.SCALE_UP:
        return f"ECS deployment circuit breaker: {seen.failed} tasks failed to start."
    if rollout.weight and not seen.green and seen.blue:
        return "the new revision lost its last healthy task while it had traffic."
    return None


def _go_back(rollout: Rollout, seen: Seen, reason: str) -> Rollout:
    return replace(rollout, stage=Stage.ROLLBACK, since=seen.now, reason=reason, call=0, asked_since=None, baking=False)


def _done(plan: Plan, rollout: Rollout, seen: Seen) -> bool:
    """Whether the stage's own work is."""
    if rollout.stage is Stage.SCALE_UP:
        return seen.green >= plan.desired
    if rollout.stage is Stage.TEST_TRAFFIC_SHIFT:
        return rollout.test and seen.applied
    if rollout.stage is Stage.PRODUCTION_TRAFFIC_SHIFT:
        return rollout.weight == ALL and seen.applied
    if rollout.stage is Stage.BAKE_TIME:
        return seen.now - rollout.since >= plan.bake
    return True


def _toward(plan: Plan, rollout: Rollout, seen: Seen) -> Rollout:
    """A step of the stage's own work, where it has several. No traffic goes where nobody is healthy."""
    if not seen.green:
        return rollout
    if rollout.stage is Stage.TEST_TRAFFIC_SHIFT:
        return replace(rollout, test=True)
    if rollout.stage is not Stage.PRODUCTION_TRAFFIC_SHIFT or not seen.applied:
        return rollout
    if rollout.weight and not rollout.baking:
        return replace(rollout, baking=True, since=seen.now)
    if rollout.weight and seen.now - rollout.since < plan.step_bake:
        return rollout
    # With nobody behind the old weight there is nothing to compare with, and its share would be refused.
    steps = [step for step in plan.steps if rollout.weight < step < ALL] if seen.blue else []
    return replace(rollout, weight=min(steps, default=ALL), baking=False, since=seen.now)


def _next(rollout: Rollout, seen: Seen) -> Rollout:
    return replace(rollout, stage=Stage(rollout.stage + 1), since=seen.now, baking=False)


def _asking(rollout: Rollout, at: float, *, since: float) -> Rollout:
    number = rollout.calls + 1
    return replace(rollout, call=number, calls=number, call_at=at, asked_since=since)


def _hooked(plan: Plan, rollout: Rollout, seen: Seen) -> Rollout:
    """Go by what the hook said, or ask again, or give up."""
    answer, asked = seen.answer, rollout.asked_since
    timeout = plan.hook_timeouts.get(rollout.stage)
    if answer is not None and answer.status == "SUCCEEDED":
        return _next(replace(rollout, call=0, asked_since=None), seen)
    if answer is not None and answer.status != "IN_PROGRESS":
        said = answer.reason or f"it said {answer.status}"
        return _go_back(rollout, seen, f"the lifecycle hook of {rollout.stage.name} failed: {said}")
    if timeout is not None and asked is not None and seen.now - asked >= timeout:
        return _go_back(rollout, seen, f"the lifecycle hook of {rollout.stage.name} timed out.")
    if answer is not None:
        return _asking(rollout, seen.now + answer.delay, since=asked if asked is not None else seen.now)
    return rollout
