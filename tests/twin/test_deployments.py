"""What a service's configuration asks of a deployment, and what the balancer's reports mean for it."""

from __future__ import annotations

from typing import Any

from twin.emulator import deployment as of
from twin.emulator.rollouts import Stage
from twin.emulator.target_report import STALE, Reports

TARGET = ("127.1.1.100", 8000)


def service(**configuration: Any) -> dict[str, Any]:
    return {
        "desiredCount": 1,
        "deploymentConfiguration": configuration,
        "loadBalancers": [
            {"targetGroupArn": "blue", "advancedConfiguration": {"alternateTargetGroupArn": "green"}},
        ],
    }


def test_a_canary_takes_its_percentage_its_times_and_its_hooks(monkeypatch: Any) -> None:
    monkeypatch.setenv("EVERGREEN_TWIN_MINUTE", "2")
    hook = {"lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"], "timeoutConfiguration": {"timeoutInMinutes": 15}}
    canary = {"canaryPercent": 10, "canaryBakeTimeInMinutes": 3}
    asked = service(strategy="CANARY", canaryConfiguration=canary, bakeTimeInMinutes=5, lifecycleHooks=[hook])
    plan = of.plan(asked, blue=2)
    assert (plan.desired, plan.blue, list(plan.steps), plan.step_bake, plan.bake) == (1, 2, [10], 6, 10)
    assert plan.hook_timeouts == {Stage.POST_TEST_TRAFFIC_SHIFT: 900}
    assert of.shifts_traffic(asked)
    assert of.groups(asked) == ["blue", "green"]


def test_a_linear_deployment_goes_up_by_equal_steps() -> None:
    linear = {"stepPercent": 25, "stepBakeTimeInMinutes": 1}
    assert list(of.plan(service(strategy="LINEAR", linearConfiguration=linear), blue=1).steps) == [25, 50, 75]


def test_without_two_groups_or_a_strategy_a_deployment_rolls() -> None:
    assert not of.shifts_traffic(service())
    assert not of.shifts_traffic({"desiredCount": 1, "deploymentConfiguration": {"strategy": "CANARY"}})


def test_a_circuit_breaker_waits_for_three_failures_at_least_and_half_the_tasks() -> None:
    asked = service(deploymentCircuitBreaker={"enable": True, "rollback": True})
    assert of.breaker(asked) == (3, True)
    assert of.breaker({**asked, "desiredCount": 11}) == (6, True)
    assert of.breaker(service()) == (0, False)


def test_only_enabled_alarms_end_a_deployment() -> None:
    assert of.alarm_names(service(alarms={"alarmNames": ["a"], "enable": True})) == ["a"]
    assert of.alarm_names(service(alarms={"alarmNames": ["a"], "enable": False})) == []


def test_a_target_drains_until_the_balancer_has_seen_it_leave_and_answered_its_last_request() -> None:
    reports = Reports()
    before = reports.changed()
    reports.leave("blue", TARGET)
    busy = {"health": {"blue": {}}, "busy": ["127.1.1.100:8000"]}
    reports.take({"generation": before, **busy, "busy": []}, now=0)
    assert reports.draining("blue") == [TARGET]
    reports.take({"generation": reports.generation, **busy}, now=1)
    assert reports.draining("blue") == [TARGET]
    reports.take({"generation": reports.generation, **busy, "busy": []}, now=2)
    assert reports.draining("blue") == []


def test_a_silent_balancer_is_not_waited_for() -> None:
    reports = Reports()
    assert not reports.runs(0)
    reports.take({"generation": 0, "health": {}, "busy": []}, now=10)
    assert reports.runs(10 + STALE / 2)
    assert not reports.runs(10 + STALE)
