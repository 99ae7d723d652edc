"""Which tasks a service starts and stops."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from twin.emulator.replicas import Bounds, Change, Replica, State, change, healthy, settled

HALF = Bounds(minimum=50, maximum=100)
USUAL = Bounds()


def replicas(*states: tuple[str, State]) -> list[Replica]:
    return [Replica(str(number), revision, state) for number, (revision, state) in enumerate(states)]


def test_a_service_gets_the_tasks_that_it_lacks() -> None:
    assert change([], "new", 2, USUAL) == Change(start=2)


def test_an_unhealthy_task_is_replaced_before_it_is_stopped() -> None:
    broken = replicas(("new", State.UNHEALTHY))
    assert change(broken, "new", 1, USUAL) == Change(start=1)
    replaced = [*broken, Replica("9", "new", State.HEALTHY)]
    assert change(replaced, "new", 1, USUAL) == Change(stop=("0",))


def test_an_unhealthy_task_goes_first_where_there_is_no_room() -> None:
    assert change(replicas(("new", State.UNHEALTHY)), "new", 1, HALF) == Change(stop=("0",))


def test_old_tasks_stay_until_the_new_ones_are_healthy() -> None:
    rolling = replicas(("old", State.HEALTHY), ("new", State.STARTING))
    assert change(rolling, "new", 1, USUAL) == Change()
    rolled = replicas(("old", State.HEALTHY), ("new", State.HEALTHY))
    assert change(rolled, "new", 1, USUAL) == Change(stop=("0",))


def test_old_tasks_make_room_down_to_the_minimum() -> None:
    full = replicas(("old", State.HEALTHY), ("old", State.HEALTHY))
    assert change(full, "new", 2, HALF) == Change(stop=("0",))


def test_a_smaller_service_loses_what_is_not_healthy_yet_then_the_newest() -> None:
    larger = replicas(("new", State.HEALTHY), ("new", State.STARTING), ("new", State.HEALTHY))
    assert change(larger, "new", 1, USUAL) == Change(stop=("1", "2"))


def test_a_service_of_no_tasks_is_at_rest() -> None:
    assert settled([], "new", 0)
    assert change([], "new", 0, USUAL) == Change()


tasks = st.lists(st.tuples(st.sampled_from(["old", "new"]), st.sampled_from(State)), max_size=8)
bounds = st.builds(Bounds, st.sampled_from([0, 50, 100]), st.sampled_from([100, 150, 200]))


@given(tasks, st.integers(0, 4), bounds)
def test_nothing_that_is_stopped_breaks_the_promise(
    states: Sequence[tuple[str, State]], desired: int, limits: Bounds
) -> None:
    found = replicas(*states)
    wanted = change(found, "new", desired, limits)
    left = [each for each in found if each.id not in wanted.stop]
    assert healthy(left) >= min(healthy(found), limits.floor(desired))
    assert len(left) + wanted.start <= max(len(found), limits.ceiling(desired))


@given(tasks, st.integers(0, 4), st.builds(Bounds, st.sampled_from([0, 50, 100]), st.just(200)))
def test_a_deployment_whose_tasks_start_comes_to_rest(
    states: Sequence[tuple[str, State]], desired: int, limits: Bounds
) -> None:
    found = replicas(*states)
    for turn in range(20):
        wanted = change(found, "new", desired, limits)
        found = [each for each in found if each.id not in wanted.stop]
        found = [Replica(each.id, each.revision, _better(each)) for each in found]
        found += [Replica(f"{turn}-{number}", "new", State.STARTING) for number in range(wanted.start)]
    assert settled(found, "new", desired)


def _better(replica: Replica) -> State:
    return State.HEALTHY if replica.state is State.STARTING else replica.state
