"""CPU time and bytes of a bundle, within a bounded time and whatever else the machine does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ml.proof.cost import CALLS, ROUNDS, cost, latencies
from service.predictor import load_predictor
from service.schema import Value
from tests.support.bundles import ROWS, write_bundle
from tests.support.models import fitted
from tests.support.sealed import sealed

Row = Mapping[str, Value]


def burning(milliseconds: float) -> Callable[[Row], float]:
    """A predictor that takes so much CPU time for a row."""

    def one(_row: Row) -> float:
        until = time.process_time() + milliseconds / 1e3
        while time.process_time() < until:
            pass
        return 0.0

    return one


def test_cpu_time_of_a_call_is_what_it_burns() -> None:
    measured = latencies({"quick": burning(0.05), "slow": burning(0.2)}, ROWS)
    assert 0.05 <= measured["quick"].median_ms < 0.1
    assert 0.2 <= measured["slow"].median_ms < 0.3
    assert measured["slow"].median_ms <= measured["slow"].p99_ms


def test_waiting_costs_nothing() -> None:
    """As on a machine that runs something else for most of the time."""

    def one(_row: Row) -> float:
        time.sleep(0.001)
        return 0.0

    assert latencies({"idle": one}, ROWS, seconds=2.0)["idle"].median_ms < 0.5


def test_the_ninety_ninth_percentile_tells_of_rare_slow_rows() -> None:
    calls = 0

    def one(row: Row) -> float:
        nonlocal calls
        calls += 1
        return burning(2.0 if calls % 40 == 0 else 0.02)(row)

    measured = latencies({"uneven": one}, ROWS)["uneven"]
    assert measured.median_ms < 0.1
    assert measured.p99_ms >= 2.0


def test_a_far_too_slow_predictor_is_measured_on_fewer_rows() -> None:
    began = time.monotonic()
    measured = latencies({"slow": burning(100.0), "quick": burning(0.01)}, ROWS, seconds=1.0)
    assert time.monotonic() - began < 5.0
    assert measured["slow"].median_ms >= 100.0
    assert measured["quick"].median_ms < 1.0


def test_models_take_turns_row_by_row() -> None:
    asked: list[tuple[str, Row]] = []

    def named(name: str) -> Callable[[Row], float]:
        def one(row: Row) -> float:
            asked.append((name, row))
            return 0.0

        return one

    latencies({"champion": named("champion"), "challenger": named("challenger")}, ROWS)
    assert [name for name, _ in asked] == ["champion", "challenger"] * (CALLS * (ROUNDS + 1))
    assert [row for _, row in asked[::2]] == [row for _, row in asked[1::2]]


def test_no_rows_are_no_measurement() -> None:
    with pytest.raises(ValueError, match="no rows"):
        latencies({"any": burning(0.01)}, [])


def test_a_bundles_cost_is_of_its_golden_rows_and_all_its_files(tmp_path: Path) -> None:
    small = write_bundle(tmp_path / "small")
    measured = cost(small, load_predictor(small))
    assert measured.size_mb == sum(path.stat().st_size for path in small.folder.iterdir()) / 1e6
    assert 0.0 < measured.latency_ms <= measured.latency_p99_ms


def test_a_forest_of_many_trees_costs_more_than_one_of_few(tmp_path: Path) -> None:
    few, many = (
        sealed(fitted("random_forest", "ordinal", n_estimators=count, rows=1_000), tmp_path / str(count))
        for count in (5, 200)
    )
    small, large = cost(few, load_predictor(few)), cost(many, load_predictor(many))
    assert large.latency_ms > small.latency_ms
    assert large.size_mb > 5 * small.size_mb
