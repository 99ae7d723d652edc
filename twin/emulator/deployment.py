"""One deployment of an ECS service, and what its configuration asks for: pure."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twin.emulator.pace import seconds
from twin.emulator.replicas import Bounds
from twin.emulator.rollouts import Plan, Rollout, Stage

Service = dict[str, Any]
"""A service's record in MiniStack: the fields that DescribeServices answers with."""
IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"
SUPERSEDED = "another deployment took its place."
SHIFTING = frozenset({"BLUE_GREEN", "CANARY", "LINEAR"})
FEWEST_FAILURES, MOST_FAILURES = 3, 200
HOURS_OF_AUTOMATION = 36 * 60
"""Minutes of bake where the configuration names none, as AWS has it."""


@dataclass
class Deployment:
    """`group` is the target group that its tasks register with: 0 the service's own, 1 the alternate one."""

    definition: str
    group: int = 0
    id: str = field(default_factory=lambda: f"ecs-svc/{uuid.uuid4().int % 10**19:019d}")
    state: str = IN_PROGRESS
    reason: str = ""
    failed: int = 0
    """Tasks that ended before they were healthy."""
    rollout: Rollout | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, state: str, reason: str) -> None:
        self.state, self.reason, self.updated = state, reason, datetime.now(UTC)
        self.ended.set()


def configuration(service: Service) -> Mapping[str, Any]:
    return service.get("deploymentConfiguration") or {}


def balancer(service: Service) -> Mapping[str, Any] | None:
    """What leads to its tasks; the twin's services have one at most."""
    found: Sequence[Mapping[str, Any]] = service.get("loadBalancers") or ()
    return found[0] if found else None


def shifts_traffic(service: Service) -> bool:
    advanced = (balancer(service) or {}).get("advancedConfiguration")
    return bool(advanced) and configuration(service).get("strategy", "ROLLING") in SHIFTING


def groups(service: Service) -> list[str]:
    """The ARNs of its target groups: its own, and the alternate one."""
    found = balancer(service)
    if found is None:
        return []
    alternate = (found.get("advancedConfiguration") or {}).get("alternateTargetGroupArn")
    return [found["targetGroupArn"], *([alternate] if alternate else [])]


def bounds(service: Service) -> Bounds:
    given = configuration(service)
    return Bounds(int(given.get("minimumHealthyPercent", 100)), int(given.get("maximumPercent", 200)))


def breaker(service: Service) -> tuple[int, bool]:
    """After how many failed tasks a deployment fails (0: never), and whether it is rolled back then."""
    given = configuration(service).get("deploymentCircuitBreaker") or {}
    if not given.get("enable"):
        return 0, False
    half = math.ceil(service["desiredCount"] / 2)
    return min(max(half, FEWEST_FAILURES), MOST_FAILURES), bool(given.get("rollback"))


def alarm_names(service: Service) -> list[str]:
    """Those that end a deployment."""
    given = configuration(service).get("alarms") or {}
    return list(given.get("alarmNames", ())) if given.get("enable") else []


def hooks(service: Service, stage: Stage) -> list[Mapping[str, Any]]:
    given = configuration(service).get("lifecycleHooks") or ()
    return [hook for hook in given if stage.name in hook["lifecycleStages"]]


def plan(service: Service, *, blue: int) -> Plan:
    """Of a deployment that shifts traffic, while `blue` old tasks are kept."""
    given = configuration(service)
    steps, bake = _steps(given)
    asked = frozenset(stage for stage in Stage if hooks(service, stage))
    return Plan(
        desired=service["desiredCount"],
        blue=blue,
        steps=steps,
        step_bake=seconds(bake),
        bake=seconds(float(given.get("bakeTimeInMinutes", HOURS_OF_AUTOMATION))),
        hooks=asked,
        hook_timeouts={stage: min(_timeout(hook) for hook in hooks(service, stage)) for stage in asked},
        failures=breaker(service)[0],
    )


def _steps(given: Mapping[str, Any]) -> tuple[list[int], float]:
    """Percentages before all, and the minutes that each lasts."""
    if given.get("strategy") == "CANARY":
        canary = given.get("canaryConfiguration") or {}
        return [int(float(canary.get("canaryPercent", 5)))], float(canary.get("canaryBakeTimeInMinutes", 10))
    if given.get("strategy") == "LINEAR":
        linear = given.get("linearConfiguration") or {}
        step = int(float(linear.get("stepPercent", 10)))
        return list(range(step, 100, step)), float(linear.get("stepBakeTimeInMinutes", 6))
    return [], 0.0


def _timeout(hook: Mapping[str, Any]) -> float:
    """Real seconds, as the hook's work is real; AWS' own limit is a day."""
    return 60.0 * float((hook.get("timeoutConfiguration") or {}).get("timeoutInMinutes", 24 * 60))
