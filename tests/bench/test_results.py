"""Ratios are of one round, and an aim is met or missed by its median."""

from __future__ import annotations

from bench.measure import Sample
from bench.processes import Memory
from bench.results import aims, spreads
from bench.servers import CEILING, MLFLOW, SERVICE


def sample(speed: float, *, start: float = 0.5, megabytes: float = 100.0) -> Sample:
    return Sample(1000.0 / speed, speed, 1.0, 2.0, start, Memory(megabytes, None), 1.0, 0.5)


def verdicts(*rounds: dict[str, Sample]) -> dict[str, tuple[float, bool | None]]:
    return {line.title: (line.value.median, line.met) for line in aims(rounds)}


def test_ratios_are_paired_by_round() -> None:
    quiet = {SERVICE: sample(800.0), CEILING: sample(1000.0), MLFLOW: sample(20.0)}
    crowded = {SERVICE: sample(80.0), CEILING: sample(100.0), MLFLOW: sample(2.0)}
    found = verdicts(quiet, crowded, quiet)
    assert found["requests/s: service / ceiling"] == (0.8, True)
    assert found["requests/s: service / mlflow"] == (40.0, True)


def test_aims_that_are_not_reached_are_missed() -> None:
    slow = {SERVICE: sample(69.0, start=1.5, megabytes=151.0), CEILING: sample(100.0), MLFLOW: sample(2.4)}
    found = verdicts(slow)
    judged = [met for _, met in found.values() if met is not None]
    assert judged == [False] * 6


def test_an_absent_peer_leaves_no_line() -> None:
    assert list(verdicts({SERVICE: sample(10.0)})) == ["start to first 200", "resident memory"]
    assert verdicts({CEILING: sample(10.0)}) == {}


def test_spreads_tell_the_median_and_both_ends() -> None:
    found = spreads([{SERVICE: sample(speed)} for speed in (30.0, 10.0, 20.0)])
    speed = found[SERVICE]["requests_per_second"]
    assert (speed.low, speed.median, speed.high) == (10.0, 20.0, 30.0)
