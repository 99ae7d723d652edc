"""Whoever changes what is released is alone, on one machine and on a server, and the dead hold nothing for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ml.io import leases
from ml.io.leases import EXPIRES, LOCK, OWNER, SAFE, SINCE, TOKEN, LeaseOverError
from ml.io.locks import lock
from ml.io.registry import Registry
from ml.io.tracking import BusyError, Tracking
from tests.support.killed import Hold, Rival

ROUNDS, NAME = 8, "locked"


@pytest.fixture
def server(tracking: Tracking) -> Iterator[Tracking]:
    yield tracking
    with tracking.session() as client:
        for model in client.search_registered_models(f"name LIKE '{LOCK}{NAME}%'"):
            client.delete_registered_model(model.name)


SERVER = pytest.param("server", marks=pytest.mark.xdist_group("mlflow-server"))
on_a_server = pytest.mark.parametrize("tracking", [SERVER], indirect=True)


def leftover(tracking: Tracking, name: str, token: str, *, expires: float) -> None:
    """The lock of a process that died."""
    marks = {TOKEN: token, OWNER: "ada on a laptop (process 7)", SINCE: "2026-03-01T12:00:00+00:00"}
    with tracking.session() as client:
        client.create_registered_model(LOCK + name, tags=marks | {EXPIRES: f"{expires:.3f}"})


def locks(tracking: Tracking) -> list[str]:
    with tracking.session() as client:
        return [model.name for model in client.search_registered_models(f"name LIKE '{LOCK}{NAME}%'")]


@on_a_server
def test_a_lock_is_there_while_it_is_held_and_gone_afterwards(server: Tracking) -> None:
    with lock(server, NAME):
        assert locks(server) == [f"{LOCK}{NAME}"]
    assert locks(server) == []
    with pytest.raises(ZeroDivisionError), lock(server, NAME):
        raise ZeroDivisionError
    assert locks(server) == []


@on_a_server
def test_whoever_waits_for_too_long_is_told_for_whom_and_since_when(server: Tracking) -> None:
    leftover(server, NAME, "dead", expires=time.time() + 600)
    hasty = replace(server, lock_seconds=0.5)
    said = r"^ada on a laptop \(process 7\) has been releasing locked since 2026-03-01T12:00:00\+00:00; gave up"
    with pytest.raises(BusyError, match=said):
        Registry(hasty, NAME).rollback("a test")
    assert locks(server) == [f"{LOCK}{NAME}"]


@on_a_server
def test_the_lock_of_a_dead_process_is_taken_over_once_its_time_is_over(server: Tracking) -> None:
    leftover(server, NAME, "dead", expires=time.time() + 2.0)
    begun = time.monotonic()
    with lock(server, NAME):
        assert time.monotonic() - begun > 1.5
        assert locks(server) == [f"{LOCK}{NAME}", f"{LOCK}{NAME}-expired-dead"]
    assert locks(server) == [f"{LOCK}{NAME}-expired-dead"]


@on_a_server
def test_the_name_of_a_lock_that_was_taken_over_stays_taken_for_a_day_and_no_longer(
    server: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover(server, NAME, "dead", expires=0.0)
    with lock(server, NAME):
        pass
    with lock(server, NAME):
        assert f"{LOCK}{NAME}-expired-dead" in locks(server)
    monkeypatch.setattr("ml.io.leases.KEPT_SECONDS", -60.0)
    with lock(server, NAME):
        assert locks(server) == [f"{LOCK}{NAME}"]


@on_a_server
def test_who_took_over_too_late_takes_nothing_from_who_was_faster(server: Tracking) -> None:
    """Both saw the dead one; the slower renames when the faster holds a new lock already."""
    from mlflow.exceptions import MlflowException

    leftover(server, NAME, "dead", expires=0.0)
    with lock(server, NAME) as hold:
        with server.session() as client, pytest.raises(MlflowException, match="already exists"):
            client.rename_registered_model(f"{LOCK}{NAME}", f"{LOCK}{NAME}-expired-dead")
        hold.check()
        assert f"{LOCK}{NAME}" in locks(server)


@on_a_server
def test_who_holds_a_lock_for_too_long_writes_nothing_more_and_takes_no_other_away(server: Tracking) -> None:
    slow = replace(server, lease_seconds=0.6)
    with lock(slow, NAME) as hold:
        time.sleep(0.7)
        with pytest.raises(LeaseOverError, match="changing locked took longer than its lock lasts"):
            hold.check()
        with lock(server, NAME):
            pass
    assert [name for name in locks(server) if "-expired-" not in name] == []


def test_no_write_that_was_begun_under_a_lease_can_arrive_after_its_end(tmp_path: Path) -> None:
    """Each attempt may take the timeout to connect and once more to be answered; pauses double from a second, and a
    second at random is added to each."""
    patient = replace(Tracking.embedded(tmp_path), patience_seconds=300.0)
    with patient.session(locked=True):
        retries = int(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"])
        timeout = float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])
    longest = (retries + 1) * 2 * timeout + sum(2**attempt + 1 for attempt in range(retries))
    assert longest < (1 - SAFE) * patient.lease_seconds


def test_a_laptop_that_slept_writes_nothing_more() -> None:
    """The monotonic clock stands still in sleep; that of the wall does not."""
    leases.Hold(NAME, time.monotonic() + 60.0, time.time() + 60.0).check()
    with pytest.raises(LeaseOverError):
        leases.Hold(NAME, time.monotonic() + 60.0, time.time() - 1.0).check()


def test_only_one_process_at_a_time_holds_a_lock_even_where_it_has_to_be_taken_from_the_dead(
    tracking: Tracking,
) -> None:
    with Rival.pair(tracking, NAME) as rivals:
        for round_ in range(ROUNDS):
            if tracking.database is None:
                leftover(tracking, NAME, f"dead-{round_}", expires=0.0)
            for rival in rivals:
                rival.tell(Hold(0.05))
            (first_in, first_out), (second_in, second_out) = sorted(rival.hear() for rival in rivals)
            assert first_in < first_out <= second_in < second_out
