"""From samples to medians, ratios, and what the service aims at."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.measure import Sample
from bench.servers import CEILING, MLFLOW, NAIVE, SERVICE

Samples = Mapping[str, Sample]


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, with the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Column:
    """A figure of the table."""

    name: str
    title: str
    digits: int
    read: Callable[[Sample], float]


@dataclass(frozen=True)
class Line:
    """A figure of the service alone or against a peer. `met` is None where nothing is aimed at."""

    title: str
    unit: str
    value: Spread
    aim: str | None
    met: bool | None


COLUMNS = (
    Column("cpu_ms", "CPU ms a request", 3, lambda sample: sample.cpu_ms),
    Column("requests_per_second", "requests/s", 0, lambda sample: sample.requests_per_second),
    Column("p50_ms", "p50 ms", 2, lambda sample: sample.p50_ms),
    Column("p99_ms", "p99 ms", 2, lambda sample: sample.p99_ms),
    Column("start_seconds", "start to 200, s", 2, lambda sample: sample.start_seconds),
    Column("rss_mb", "resident MB", 0, lambda sample: sample.memory.rss),
    Column("pss_mb", "proportional MB", 0, lambda sample: sample.memory.pss or float("nan")),
)


def spreads(rounds: Sequence[Samples]) -> dict[str, dict[str, Spread]]:
    """By server, by column."""
    return {
        name: {column.name: Spread.of([column.read(samples[name]) for samples in rounds]) for column in COLUMNS}
        for name in rounds[0]
    }


def aims(rounds: Sequence[Samples]) -> list[Line]:
    """Ratios are taken within a round, where both sides saw the same machine; those of absent servers are left out.

    CPU is held against the same bounds as throughput: on a core of one's own they say the same, and where other
    work shares the core only CPU can be trusted.
    """
    lines = [
        _ratio(rounds, "requests/s: service / ceiling", CEILING, _speed, at_least=0.70),
        _ratio(rounds, "requests/s: service / mlflow", MLFLOW, _speed, at_least=30.0),
        _ratio(rounds, "requests/s: service / naive", NAIVE, _speed),
        _ratio(rounds, "CPU a request: ceiling / service", CEILING, _thrift, at_least=0.70),
        _ratio(rounds, "CPU a request: mlflow / service", MLFLOW, _thrift, at_least=30.0),
        _ratio(rounds, "CPU a request: naive / service", NAIVE, _thrift),
        _below(rounds, "start to first 200", "s", lambda sample: sample.start_seconds, 1.5),
        _below(rounds, "resident memory", "MB", lambda sample: sample.memory.rss, 150.0),
    ]
    return [line for line in lines if line is not None]


def core_share(rounds: Sequence[Samples], name: str) -> float:
    return statistics.median(samples[name].core_share for samples in rounds)


def generator_share(rounds: Sequence[Samples]) -> float:
    """The largest part of its core that the load generator used."""
    return max(sample.generator_share for samples in rounds for sample in samples.values())


def as_document(line: Line) -> dict[str, Any]:
    value = {"median": line.value.median, "min": line.value.low, "max": line.value.high}
    return {"title": line.title, "unit": line.unit, "aim": line.aim, "met": line.met, **value}


def _speed(ours: Sample, theirs: Sample) -> float:
    return ours.requests_per_second / theirs.requests_per_second


def _thrift(ours: Sample, theirs: Sample) -> float:
    return theirs.cpu_ms / ours.cpu_ms


def _ratio(
    rounds: Sequence[Samples],
    title: str,
    peer: str,
    compare: Callable[[Sample, Sample], float],
    at_least: float | None = None,
) -> Line | None:
    if not {SERVICE, peer} <= rounds[0].keys():
        return None
    value = Spread.of([compare(samples[SERVICE], samples[peer]) for samples in rounds])
    if at_least is None:
        return Line(title, "x", value, None, None)
    return Line(title, "x", value, f">= {at_least:g}", value.median >= at_least)


def _below(
    rounds: Sequence[Samples], title: str, unit: str, read: Callable[[Sample], float], bound: float
) -> Line | None:
    if SERVICE not in rounds[0]:
        return None
    value = Spread.of([read(samples[SERVICE]) for samples in rounds])
    return Line(title, unit, value, f"< {bound:g}", value.median < bound)
