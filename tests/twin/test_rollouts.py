"""The deployment that shifts traffic, with a world of tasks that fail as they like."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from twin.emulator.rollouts import Answer, Outcome, Plan, Rollout, Seen, Stage, advance

HOOK = frozenset({Stage.POST_TEST_TRAFFIC_SHIFT})
PLAN = Plan(desired=2, blue=2, steps=(10,), step_bake=10, bake=20, hooks=HOOK, hook_timeouts={min(HOOK): 100})
CALM = Seen(now=0, blue=2, green=2, blue_left=2, green_left=2, applied=True)


def run(plan: Plan, seen: Seen, *, until: Stage | None = None, answer: Answer | None = None) -> list[Rollout]:
    """Every wish from the start, a second a step, in a world that does as it is told."""
    rollout, wishes = Rollout(since=seen.now), []
    for second in range(500):
        said = (answer or Answer("SUCCEEDED")) if rollout.call else None
        gone = 0 if rollout.stage is Stage.CLEAN_UP else seen.blue_left
        rollout = advance(plan, rollout, replace(seen, now=second, answer=said, blue_left=gone))
        wishes.append(rollout)
        if rollout.outcome or rollout.stage is until:
            break
    return wishes


def weights(wishes: list[Rollout]) -> list[int]:
    seen = [wish.weight for wish in wishes]
    return [weight for at, weight in enumerate(seen) if not at or seen[at - 1] != weight]


def test_a_canary_gets_a_tenth_then_all_and_the_old_tasks_go_last() -> None:
    wishes = run(PLAN, CALM)
    assert wishes[-1].outcome is Outcome.SUCCESSFUL
    assert weights(wishes) == [0, 10, 100]
    assert all(wish.keeps_blue for wish in wishes if wish.stage <= Stage.BAKE_TIME)


def test_each_share_is_watched_for_its_time() -> None:
    wishes = run(PLAN, CALM)
    assert sum(wish.weight == 10 for wish in wishes) >= PLAN.step_bake
    assert sum(wish.stage is Stage.BAKE_TIME for wish in wishes) >= PLAN.bake


def test_the_hook_is_asked_once_the_test_rule_leads_to_the_new_tasks() -> None:
    wishes = run(PLAN, CALM)
    asked = [wish for wish in wishes if wish.call]
    assert asked
    assert all(wish.test and wish.weight == 0 for wish in asked)


def test_the_first_tasks_of_a_service_get_all_traffic_at_once() -> None:
    wishes = run(replace(PLAN, blue=0), replace(CALM, blue=0, blue_left=0))
    assert weights(wishes) == [0, 100]


def test_a_hook_that_refuses_ends_the_deployment_before_any_traffic() -> None:
    wishes = run(PLAN, replace(CALM, green_left=0), answer=Answer("FAILED"))
    assert wishes[-1].outcome is Outcome.ROLLED_BACK
    assert "POST_TEST_TRAFFIC_SHIFT failed" in wishes[-1].reason
    assert weights(wishes) == [0]
    assert not wishes[-1].test


def test_a_hook_that_wants_time_is_asked_again_until_its_timeout() -> None:
    wishes = run(PLAN, replace(CALM, green_left=0), answer=Answer("IN_PROGRESS", delay=15))
    assert wishes[-1].outcome is Outcome.ROLLED_BACK
    assert "timed out" in wishes[-1].reason
    assert wishes[-1].calls > 1


def test_a_circuit_breaker_gives_up_on_tasks_that_do_not_start() -> None:
    plan = replace(PLAN, failures=3)
    wishes = run(plan, replace(CALM, green=0, green_left=0, failed=3))
    assert wishes[-1].outcome is Outcome.ROLLED_BACK
    assert "circuit breaker" in wishes[-1].reason


def test_an_alarm_takes_the_traffic_back_before_the_tasks_go() -> None:
    canary = run(PLAN, CALM, until=Stage.BAKE_TIME)[-1]
    back = advance(PLAN, canary, replace(CALM, now=1000, trouble="alarm"))
    taken = advance(PLAN, back, replace(CALM, now=1001))
    assert back.keeps_green(applied=True)
    assert (taken.weight, taken.test) == (0, False)
    assert taken.keeps_green(applied=False)
    assert not taken.keeps_green(applied=True)


class World(RuleBasedStateMachine):
    """Tasks die, alarms fire, the hook says what it likes, the balancer lags behind."""

    def __init__(self) -> None:
        super().__init__()
        self.rollout = Rollout(since=0.0)
        self.now, self.blue, self.green, self.failed = 0.0, 2, 0, 0
        self.forwards = (0, False)
        self.ends: list[Outcome] = []
        self.before = (0, 2, 0)

    def look(self, answer: Answer | None = None, trouble: str | None = None) -> None:
        applied = self.forwards == (self.rollout.weight, self.rollout.test)
        seen = Seen(self.now, self.blue, self.green, self.blue, self.green, applied, self.failed, answer, trouble)
        self.before = (self.rollout.weight, self.blue, self.green)
        was = self.rollout.outcome
        self.rollout = advance(replace(PLAN, failures=3), self.rollout, seen)
        if self.rollout.outcome is not was and self.rollout.outcome is not None:
            self.ends.append(self.rollout.outcome)

    @rule(seconds=st.floats(0.1, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.look()

    @rule()
    def the_balancer_follows(self) -> None:
        self.forwards = (self.rollout.weight, self.rollout.test)
        self.look()

    @rule()
    def tasks_follow(self) -> None:
        applied = self.forwards == (self.rollout.weight, self.rollout.test)
        self.green = 2 if self.rollout.keeps_green(applied=applied) else 0
        self.blue = 2 if self.rollout.keeps_blue else 0
        self.look()

    @precondition(lambda self: self.green > 0)
    @rule()
    def a_new_task_dies(self) -> None:
        self.green -= 1
        self.failed += 1
        self.look()

    @precondition(lambda self: self.blue > 0)
    @rule()
    def an_old_task_dies(self) -> None:
        self.blue -= 1
        self.look()

    @precondition(lambda self: self.rollout.call > 0)
    @rule(status=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "IN_PROGRESS", "FAILED"]))
    def the_hook_answers(self, status: str) -> None:
        self.look(answer=Answer(status, delay=15))

    @rule()
    def an_alarm_fires(self) -> None:
        self.look(trouble="an alarm")

    @invariant()
    def traffic_is_never_led_to_where_nobody_is_healthy(self) -> None:
        weight, blue, green = self.before
        if self.rollout.weight > weight:
            assert green > 0
        if self.rollout.weight < weight:
            assert blue > 0 or green == 0

    @invariant()
    def the_old_tasks_stay_until_all_traffic_has_left_them(self) -> None:
        assert self.rollout.keeps_blue or self.rollout.weight == 100

    @invariant()
    def the_new_tasks_stay_while_anything_leads_to_them(self) -> None:
        weight, test = self.forwards
        applied = self.forwards == (self.rollout.weight, self.rollout.test)
        if weight or test:
            assert self.rollout.keeps_green(applied=applied)

    @invariant()
    def it_ends_once(self) -> None:
        assert len(self.ends) <= 1

    @invariant()
    def a_rollback_restores_the_rules(self) -> None:
        if self.rollout.outcome is Outcome.ROLLED_BACK:
            assert (self.rollout.weight, self.rollout.test) == (0, False)
            assert self.rollout.reason


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
