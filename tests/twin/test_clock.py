"""The twin's clock makes a problem's memory older, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.retrain.decision import Park, Policy, Request, Run, Start, State, decide
from functions.retrain.memory import Table
from tests.support.retraining import dynamodb_table
from twin.clock import age, aged
from twin.folder import TwinError

NOW = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
POLICY = Policy(cooldown=timedelta(hours=6), daily_cap=1, lease=timedelta(hours=3))
NEW = Request(id="new", problem="flights", cause="data", data="latest", reason="test", at=NOW)
OLD = NEW.model_copy(update={"id": "old"})
STARTED = State(last=NOW - timedelta(minutes=5), day=NOW.date(), starts=1, started=("old",))


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb_table("memory") as found:
        yield found


def test_a_day_later_neither_the_cap_nor_the_cooldown_holds(client: Any) -> None:
    table = Table("memory", client)
    table.save("flights", STARTED, 0)
    assert isinstance(decide(NEW, table.load("flights")[0], POLICY, NOW), Park)

    age(client, "memory", "flights", 24)

    state, revision = table.load("flights")
    assert isinstance(decide(NEW, state, POLICY, NOW), Start)
    assert revision == 2


def test_an_event_that_was_handled_stays_known(client: Any) -> None:
    Table("memory", client).save("flights", STARTED, 0)
    assert age(client, "memory", "flights", 48).started == ("old",)


def test_an_hour_within_the_same_day_leaves_the_cap() -> None:
    noon = STARTED.model_copy(update={"last": NOW.replace(hour=12)})
    older = aged(noon, timedelta(hours=1))
    assert (older.day, older.last) == (NOW.date(), NOW.replace(hour=11))


def test_a_run_that_holds_the_lock_loses_it_with_its_lease() -> None:
    running = STARTED.model_copy(update={"run": Run(request=OLD, since=NOW, execution="e")})
    assert isinstance(decide(NEW, running, POLICY, NOW), Park)
    later = decide(NEW, aged(running, timedelta(days=1)), POLICY, NOW)
    assert isinstance(later, Start)
    assert later.expired


def test_a_problem_of_which_nothing_is_known_cannot_age(client: Any) -> None:
    with pytest.raises(TwinError, match="nothing is remembered of flights"):
        age(client, "memory", "flights", 24)
