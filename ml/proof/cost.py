"""What a bundle costs to serve: CPU time of single rows through the serving predictor, and the size of its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

import numpy as np

from ml.core.record import Cost, Latency
from service.bundle import Bundle
from service.predictor import Predictor
from service.schema import Value

Predict = Callable[[Mapping[str, Value]], float]
Row = Mapping[str, Value]

ROUNDS = 11
CALLS = 200
"""Timed calls of each model in a round, so that a round has a 99th percentile."""
SECONDS = 10.0
"""Bound on the whole measurement: a predictor that is far too slow is measured on fewer rows."""


def latencies(predict: Mapping[str, Predict], rows: Sequence[Row], *, seconds: float = SECONDS) -> dict[str, Latency]:
    """CPU time of single calls by model, in milliseconds: the medians over rounds of each round's figures.

    CPU time of the process, not the clock's: what else a machine does is then not held against a model. Models take
    turns row by row, so that what does disturb them (a cache that was emptied, a slower clock rate) meets all alike.
    Ends after about `seconds` and at least one timed call of each model. Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("there are no rows to measure a model's latency on")
    deadline = time.monotonic() + seconds
    _warm_up(predict, rows, time.monotonic() + seconds / 4)
    rounds: dict[str, list[Sequence[float]]] = {name: [] for name in predict}
    for _ in range(ROUNDS):
        timed = _round(predict, rows, deadline)
        whole = min(len(each) for each in timed.values()) == CALLS
        for name, each in timed.items():
            # A round that was cut short has no 99th percentile to speak of, so it counts only where it is all there is.
            if whole or not rounds[name]:
                rounds[name].append(np.percentile(each, [50, 99]).tolist())
        if time.monotonic() >= deadline:
            break
    middles = {name: np.median(each, axis=0).tolist() for name, each in rounds.items()}
    return {name: Latency(median_ms=middle[0], p99_ms=middle[1]) for name, middle in middles.items()}


def cost(bundle: Bundle, predictor: Predictor) -> Cost:
    """Measured on the bundle's golden rows."""
    latency = latencies({"model": predictor.one}, bundle.golden().rows)["model"]
    size = sum(path.stat().st_size for path in bundle.folder.rglob("*") if path.is_file())
    return Cost(latency_ms=latency.median_ms, latency_p99_ms=latency.p99_ms, size_mb=size / 1e6)


def _warm_up(predict: Mapping[str, Predict], rows: Sequence[Row], deadline: float) -> None:
    for row in islice(cycle(rows), CALLS):
        for one in predict.values():
            if time.monotonic() >= deadline:
                return
            one(row)


def _round(predict: Mapping[str, Predict], rows: Sequence[Row], deadline: float) -> dict[str, list[float]]:
    """Milliseconds of calls by model, equally many of each."""
    timed: dict[str, list[float]] = {name: [] for name in predict}
    for row in islice(cycle(rows), CALLS):
        for name, one in predict.items():
            began = time.process_time_ns()
            one(row)
            timed[name].append((time.process_time_ns() - began) / 1e6)
        if time.monotonic() >= deadline:
            break
    return timed
