from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.retrain.decision import Run, State
from functions.retrain.memory import REMEMBER, ChangedError, Table
from tests.support.retraining import NOON, data, dynamodb_table


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb_table("memory") as client:
        yield client


@pytest.fixture
def table(client: Any) -> Table:
    return Table("memory", client)


def test_a_problem_that_never_ran_has_an_empty_state(table: Table) -> None:
    assert table.load("flights") == (State(), 0)


def test_a_state_comes_back_as_it_was_written(table: Table) -> None:
    run = Run(request=data(1, data="s3://raw/año%20#{1}"), since=NOON, execution="run-1", before=NOON)
    state = State(run=run, parked=data(2), last=NOON, day=NOON.date(), starts=3, started=("a", "b"))
    table.save("flights", state, 0)
    assert table.load("flights") == (state, 1)
    assert table.load("insurance") == (State(), 0)


@pytest.mark.parametrize("written", [0, 1, 2])
def test_nothing_is_written_over_what_someone_else_wrote(table: Table, written: int) -> None:
    for revision in range(written):
        table.save("flights", State(starts=revision + 1), revision)
    table.save("flights", State(starts=99), written)
    with pytest.raises(ChangedError):
        table.save("flights", State(starts=100), written)
    assert table.load("flights")[0] == State(starts=99)


def test_the_newest_version_of_a_key_stays_the_newest(table: Table) -> None:
    assert [table.newest("raw/a", text, NOON) for text in ("2", "1", "2", "3", "2")] == ["2", "2", "2", "3", "3"]
    assert table.newest("raw/b", "1", NOON) == "1"


def test_a_key_is_forgotten_once_no_dead_letter_can_bring_it_back(table: Table, client: Any) -> None:
    table.newest("raw/a", "1", NOON)
    item = client.get_item(TableName="memory", Key={"id": {"S": "key/raw/a"}})["Item"]
    assert int(item["expiration"]["N"]) == int((NOON + REMEMBER).timestamp())
    assert timedelta(days=14) < REMEMBER


def test_a_table_that_cannot_be_reached_is_an_error_and_no_lost_race(client: Any) -> None:
    elsewhere = Table("nowhere", client)
    with pytest.raises(ClientError):
        elsewhere.save("flights", State(), 0)
    with pytest.raises(ClientError):
        elsewhere.newest("raw/a", "1", NOON)
