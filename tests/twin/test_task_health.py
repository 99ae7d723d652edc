"""When ECS calls a container healthy."""

from __future__ import annotations

from twin.emulator.containers import Check
from twin.emulator.task_health import HEALTHY, UNHEALTHY, UNKNOWN, Health, answers, of_task

CHECK = Check(port=1, path="/", interval=15, timeout=1, retries=3, start_period=120)


def test_a_container_that_starts_slowly_is_not_unhealthy() -> None:
    health = Health(CHECK, started=0)
    for second in range(0, 119, 10):
        health.saw(False, second)
    assert health.status == UNKNOWN


def test_after_its_start_period_so_many_failures_in_a_row_are_enough() -> None:
    health = Health(CHECK, started=0)
    for second in (120, 121):
        health.saw(False, second)
    assert health.status == UNKNOWN
    health.saw(False, 122)
    assert health.status == UNHEALTHY


def test_once_healthy_failures_count_within_the_start_period_too() -> None:
    health = Health(CHECK, started=0)
    health.saw(True, 1)
    for second in (2, 3):
        health.saw(False, second)
    assert health.status == HEALTHY
    health.saw(False, 4)
    assert health.status == UNHEALTHY


def test_an_answer_makes_up_for_failures() -> None:
    health = Health(CHECK, started=0)
    for passed in (True, False, False, True, False, False):
        health.saw(passed, 5)
    assert health.status == HEALTHY


def test_whoever_has_not_answered_yet_is_asked_again_soon() -> None:
    health = Health(CHECK, started=0)
    health.saw(False, 1)
    assert health.due(1.5)
    health.saw(True, 1.5)
    assert not health.due(2)


def test_a_task_is_healthy_when_all_that_is_checked_is() -> None:
    assert of_task([HEALTHY, HEALTHY]) == HEALTHY
    assert of_task([HEALTHY, UNKNOWN]) == of_task([]) == UNKNOWN
    assert of_task([UNHEALTHY, UNKNOWN]) == UNHEALTHY


def test_nobody_at_an_address_is_no_answer() -> None:
    assert not answers("127.0.0.1", CHECK)
