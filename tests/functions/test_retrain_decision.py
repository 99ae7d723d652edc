from __future__ import annotations

from datetime import timedelta

import pytest

from functions.retrain.decision import (
    Park,
    Policy,
    Refuse,
    Request,
    Rest,
    Start,
    State,
    confirm,
    decide,
    release,
    undo,
    wake,
)
from tests.support.retraining import NOON, data

POLICY = Policy(cooldown=timedelta(minutes=30), daily_cap=2, lease=timedelta(hours=3))
SOON, LATER = NOON + timedelta(minutes=1), NOON + timedelta(minutes=31)


def wish(number: int) -> Request:
    return data(number, cause="schedule", data="latest", key="")


def running(number: int = 1) -> State:
    claimed = decide(data(number), State(), POLICY, NOON)
    return confirm(claimed.state, data(number), f"run-{number}").state


def idle(number: int = 1) -> State:
    return release(running(number), f"run-{number}").state


def test_the_first_request_starts() -> None:
    decision = decide(data(1), State(), POLICY, NOON)
    assert isinstance(decision, Start)
    assert decision.request == data(1)


def test_an_event_that_has_started_a_run_is_a_duplicate_even_after_its_end() -> None:
    for state in (running(1), idle(1)):
        assert decide(data(1), state, POLICY, LATER) == Refuse(state, "duplicate")


def test_data_that_comes_during_a_run_waits_and_starts_at_its_end() -> None:
    waiting = decide(data(2), running(1), POLICY, SOON)
    assert isinstance(waiting, Park)
    assert waiting.reason == "locked"
    freed = release(waiting.state, "run-1").state
    assert isinstance(wake(freed, POLICY, SOON), Rest), "the cooldown holds"
    woken = wake(freed, POLICY, LATER)
    assert isinstance(woken, Start)
    assert woken.request == data(2)
    assert woken.state.parked is None


def test_of_two_that_wait_the_newer_data_is_kept_whatever_their_order() -> None:
    old, new = data(2, at=NOON), data(3, at=SOON)
    for first, second in ((old, new), (new, old)):
        state = decide(first, running(1), POLICY, SOON).state
        waiting = decide(second, state, POLICY, SOON)
        assert isinstance(waiting, Park)
        assert (waiting.state.parked, waiting.superseded) == (new, old)


def test_versions_of_one_key_are_ordered_by_their_sequencers_not_by_the_clock() -> None:
    old = data(2, at=SOON, key="raw/a", sequencer="1")
    new = data(3, at=NOON, key="raw/a", sequencer="2")
    state = decide(new, running(1), POLICY, SOON).state
    assert decide(old, state, POLICY, SOON).state.parked == new


def test_an_older_version_that_comes_after_a_newer_one_is_stale() -> None:
    late = data(2, key="raw/a", sequencer="1")
    assert decide(late, State(), POLICY, NOON, newest="2") == Refuse(State(), "stale")
    assert isinstance(decide(late, State(), POLICY, NOON, newest="1"), Start)


def test_a_clocks_wish_is_dropped_with_the_reason_that_data_would_wait_for() -> None:
    assert decide(wish(2), running(1), POLICY, SOON) == Refuse(running(1), "locked")
    assert decide(wish(2), idle(1), POLICY, SOON) == Refuse(idle(1), "cooldown")


def test_a_clocks_wish_never_takes_the_place_of_waiting_data() -> None:
    state = idle(1).model_copy(update={"parked": data(2)})
    decision = decide(wish(3), state, POLICY, LATER)
    assert isinstance(decision, Start)
    assert (decision.request, decision.superseded) == (data(2), wish(3))


def test_the_cap_of_a_day_holds_until_midnight_utc() -> None:
    state = idle(1).model_copy(update={"starts": POLICY.daily_cap})
    waiting = decide(data(2), state, POLICY, LATER)
    assert isinstance(waiting, Park)
    assert waiting.reason == "cap"
    midnight = NOON + timedelta(hours=12)
    assert isinstance(wake(waiting.state, POLICY, midnight - timedelta(seconds=1)), Rest)
    woken = wake(waiting.state, POLICY, midnight)
    assert isinstance(woken, Start)
    assert woken.state.starts == 1


def test_a_lock_that_nobody_released_is_free_after_its_lease_and_that_is_told() -> None:
    after = NOON + POLICY.lease
    assert wake(running(1), POLICY, after - timedelta(seconds=1)) == Rest(running(1))
    rest = wake(running(1), POLICY, after)
    assert isinstance(rest, Rest)
    assert rest.expired
    assert rest.state.run is None
    start = decide(data(2), running(1), POLICY, after)
    assert isinstance(start, Start)
    assert start.expired


def test_without_a_lease_a_run_holds_no_lock() -> None:
    github = Policy(cooldown=timedelta(0), daily_cap=5, lease=timedelta(0))
    decision = decide(data(2), running(1), github, SOON)
    assert isinstance(decision, Start)
    assert not decision.expired


def test_a_claim_that_was_never_confirmed_is_started_again_by_its_own_event_and_counts_once() -> None:
    claimed = decide(data(1), State(), POLICY, NOON).state
    again = decide(data(1), claimed, POLICY, SOON)
    assert isinstance(again, Start)
    assert (again.request, again.state.starts, again.state.started) == (data(1), 1, (data(1).id,))


def test_a_claim_that_was_never_confirmed_is_started_again_by_time_alone_but_not_too_soon() -> None:
    claimed = decide(wish(1), State(), POLICY, NOON).state
    assert wake(claimed, POLICY, NOON + POLICY.claim - timedelta(seconds=1)) == Rest(claimed)
    again = wake(claimed, POLICY, NOON + POLICY.claim)
    assert isinstance(again, Start)
    assert again.request == wish(1)


def test_an_undone_start_leaves_no_trace_but_its_data_waits() -> None:
    state = idle(1)
    claimed = decide(data(2), state, POLICY, LATER).state
    assert undo(claimed, data(2)).state == state.model_copy(update={"parked": data(2)})
    claimed = decide(wish(2), state, POLICY, LATER).state
    assert undo(claimed, wish(2)).state == state


def test_a_start_that_may_have_happened_is_not_undone_by_a_refused_second_attempt() -> None:
    claimed = decide(data(1), State(), POLICY, NOON).state
    again = decide(data(1), claimed, POLICY, LATER)
    assert isinstance(again, Start)
    held = undo(again.state, data(1)).state
    assert held == again.state, "the first attempt ended without an answer: a run of today may be of it"
    newer = decide(data(2), held, POLICY, LATER)
    assert isinstance(newer, Park)
    assert isinstance(wake(newer.state, POLICY, LATER + POLICY.claim), Start), "it is tried until there is an answer"


@pytest.mark.parametrize("change", [lambda s: undo(s, data(1)), lambda s: undo(s, data(9)), lambda s: release(s, "x")])
def test_what_is_told_of_another_run_or_too_late_changes_nothing(change: object) -> None:
    assert change(running(1)) == Rest(running(1))  # type: ignore[operator]
