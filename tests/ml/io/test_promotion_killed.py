"""A process may die at any of its writes: the champion is the old one or the new one, and the next change works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from ml.io import tags
from ml.io.leases import EXPIRES, LOCK
from ml.io.registry import Registry
from tests.support.killed import Change, Rival, killed
from tests.support.releases import aliases

ROUNDS = 12


@pytest.fixture
def released(registry: Registry) -> Registry:
    """Version 2 is the champion and version 1 the one before."""
    registry.promote(1, expected=None, by="ada")
    registry.promote(2, expected=1, by="ada")
    return registry


def expire(registry: Registry) -> None:
    """Let the time pass that a dead process's lease on a server still has; what a file locks is free already."""
    with registry.tracking.session() as client:
        for model in client.search_registered_models(f"name = '{LOCK}{registry.name}'"):
            client.set_registered_model_tag(model.name, EXPIRES, "0")


def told(registry: Registry) -> list[tuple[str, int]]:
    return [(event.happened, event.version) for event in registry.events()]


def other(registry: Registry) -> int:
    """The version that neither serves nor did before."""
    taken = {number for alias, number in aliases(registry).items() if alias in (tags.CHAMPION, tags.PREVIOUS)}
    return next(number for number in (1, 2, 3) if number not in taken)


def promote_next(registry: Registry, expected: list[tuple[str, int]]) -> None:
    champion = aliases(registry)["champion"]
    number = champion % 3 + 1
    registry.promote(number, expected=champion, by="ada")
    assert aliases(registry) == {"champion": number, "previous": champion}
    expected.append(("released", number))


def roll_back_next(registry: Registry, expected: list[tuple[str, int]], back: int) -> None:
    champion = aliases(registry)["champion"]
    registry.rollback("a test", by="ada")
    assert aliases(registry) == {"champion": back, "previous": champion}
    expected += [("taken out", champion), ("restored", back)]


def model_tags(registry: Registry) -> dict[str, str]:
    with registry.tracking.session() as client:
        found: dict[str, str] = client.get_registered_model(registry.name).tags
        return found


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_a_change_that_is_killed_at_any_write_leaves_one_champion_and_a_way_on(
    released: Registry, action: Literal["promote", "rollback"]
) -> None:
    write, outcomes = 0, set()
    expected = told(released)
    while True:
        write += 1
        before = aliases(released)
        champion, previous = before["champion"], before["previous"]
        new = other(released) if action == "promote" else previous
        died = killed(released.tracking, released.name, Change(action, new, champion), write)
        expire(released)

        now = aliases(released)["champion"]
        assert now in (champion, new)
        outcomes.add(now == new)
        if now == new:
            expected += [("released", new)] if action == "promote" else [("taken out", champion), ("restored", new)]
        assert told(released) == expected

        if write % 2:
            promote_next(released, expected)
            roll_back_next(released, expected, now)
        else:
            roll_back_next(released, expected, champion if now == new else previous)
            promote_next(released, expected)
        assert told(released) == expected
        assert tags.INTENT not in model_tags(released)
        if not died:
            break
    assert outcomes == {True, False}
    assert write > 6


def test_what_was_begun_and_did_not_happen_leaves_no_mark(released: Registry) -> None:
    before = released.versions(), told(released)
    champion = aliases(released)["champion"]
    for write in range(1, 10):
        assert killed(released.tracking, released.name, Change("promote", 3, champion), write)
        expire(released)
        if aliases(released)["champion"] == 3:
            assert write > 1
            break
        released.settle()
        assert (released.versions(), told(released)) == before
        assert tags.INTENT not in model_tags(released)
    else:
        pytest.fail("the champion never moved")


def test_a_rejection_that_is_killed_at_any_write_is_one_or_none(released: Registry) -> None:
    write, died, outcomes = 0, True, set()
    while died:
        write += 1
        released.set_challenger(3)
        before = told(released)
        mark = released.version(3).rejected
        died = killed(released.tracking, released.name, Change("reject", 3), write)
        expire(released)
        released.settle()
        rejected = released.version(3).rejected != mark
        assert told(released) == [*before, *[("rejected", 3)] * rejected]
        assert aliases(released) == {"champion": 2, "previous": 1} | ({} if rejected else {"challenger": 3})
        outcomes.add(rejected)
    assert outcomes == {True, False}


@pytest.fixture
def rivals(released: Registry) -> Iterator[tuple[Rival, Rival]]:
    with Rival.pair(released.tracking, released.name) as pair:
        yield pair


def test_of_two_promotions_at_once_one_wins_and_one_is_told_why_not(
    released: Registry, rivals: tuple[Rival, Rival]
) -> None:
    expected = told(released)
    for _ in range(ROUNDS):
        champion = aliases(released)["champion"]
        candidates = [number for number in (1, 2, 3) if number != champion]
        for rival, number in zip(rivals, candidates, strict=True):
            rival.tell(Change("promote", number, champion))
        said = [rival.hear() for rival in rivals]
        assert said.count(None) == 1, said
        winner, loser = candidates[said.index(None)], candidates[1 - said.index(None)]
        assert said[1 - said.index(None)] == (
            f"the champion of line is version {winner}, not version {champion} which version {loser} was compared "
            "with: prove it again"
        )
        assert aliases(released) == {"champion": winner, "previous": champion}
        expected.append(("released", winner))
    assert told(released) == expected
