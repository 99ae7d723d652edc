"""How far a metric, or the gap between two models, would move if other rows had been held out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import norm, t
from threadpoolctl import ThreadpoolController

from ml.core.metrics import greater_is_better, point_value, require_varied
from ml.core.scoring import Counts, Scores
from service.predictor import Vector
from service.schema import Frozen

POWER = 0.8
"""The share of cases in which a detectable gain is found."""

_ELEMENTS = 200_000
"""Counts drawn at once: few enough that a chunk's arrays stay in a core's cache."""
_ROUNDS = 200
"""A varied target gives a constant resample with a chance of a half at most, so this many redraws never run out."""
_PEEP = 50


class Interval(Frozen):
    """A metric's value on the rows and its expanded percentile bootstrap interval."""

    value: float
    low: float
    high: float


class Gain(Frozen):
    """Challenger minus champion in a metric's own units, oriented so that positive means a better challenger.

    `low` and `high` are each a one-sided bound at `confidence`. `probability_of_gain` is the share of resamples in
    which the challenger was better. `redrawn` counts resamples that had one target value only and were drawn again.
    `standard_error` is the spread of the gain over resamples; `detectable` the gain that a test at `confidence` on
    these rows would find in 80 % of cases: (z(confidence) + z(0.8)) standard errors (Cohen 1988, ch. 2).
    """

    value: float
    low: float
    high: float
    confidence: float
    probability_of_gain: float
    redrawn: int
    standard_error: float
    detectable: float


@dataclass(frozen=True)
class Resampled:
    """Metrics of several models on the same resampled rows: `values[model][metric]` has shape (resamples,).

    `rows` is what the metrics rest on: the rows, or where the target has two values those of the rarer one.
    """

    points: Mapping[str, Mapping[str, float]]
    values: Mapping[str, Mapping[str, Vector]]
    rows: int
    redrawn: int

    def interval(self, model: str, metric: str, confidence: float) -> Interval:
        """The two-sided expanded percentile interval."""
        tail = expanded_tail((1.0 - confidence) / 2.0, self.rows)
        low, high = np.quantile(self.values[model][metric], [tail, 1.0 - tail])
        return Interval(value=self.points[model][metric], low=float(low), high=float(high))

    def gain(self, champion: str, challenger: str, metric: str, confidence: float) -> Gain:
        """The paired gain with one-sided expanded percentile bounds."""
        sign = 1.0 if greater_is_better(metric) else -1.0
        gains = sign * (self.values[challenger][metric] - self.values[champion][metric])
        tail = expanded_tail(1.0 - confidence, self.rows)
        low, high = np.quantile(gains, [tail, 1.0 - tail])
        spread = float(np.std(gains))
        return Gain(
            value=sign * (self.points[challenger][metric] - self.points[champion][metric]),
            low=float(low),
            high=float(high),
            confidence=confidence,
            probability_of_gain=float(np.mean(gains > 0.0)),
            redrawn=self.redrawn,
            standard_error=spread,
            detectable=float(norm.ppf(confidence) + norm.ppf(POWER)) * spread,
        )

    def standard_error(self, model: str, metric: str) -> float:
        """The spread of a model's metric over resamples."""
        return float(np.std(self.values[model][metric]))


def expanded_tail(tail: float, rows: int) -> float:
    """The share to cut off on one side so that the percentile bound is not bold on few rows.

    Percentiles are too near by what Student's t and n - 1 correct elsewhere: the tail becomes that of the normal
    distribution at sqrt(n / (n - 1)) times the t quantile (Hesterberg 2015, The American Statistician 69, 4.1).
    """
    rows = max(rows, 2)
    return float(norm.sf(np.sqrt(rows / (rows - 1.0)) * t.isf(tail, rows - 1)))


def metric_intervals(
    y: Vector, output: Vector, names: Sequence[str], *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """Each named metric with its interval. Raises ValueError where the target has one value only."""
    resampled = resample(y, {"model": output}, names, resamples=resamples, seed=seed)
    return {name: resampled.interval("model", name, confidence) for name in names}


def resample(
    y: Vector,
    outputs: Mapping[str, Vector],
    names: Sequence[str],
    *,
    resamples: int,
    seed: int,
    threads: int | None = None,
) -> Resampled:
    """Evaluate metrics of several models on the same bootstrap resamples of the rows.

    `y` and every output have shape (rows,). Equal arguments give equal values, whatever the number of threads, which
    is that of the cores by default. Raises ValueError where the target has one value only or the lengths differ.
    """
    require_varied(y)
    if any(output.shape != y.shape for output in outputs.values()):
        raise ValueError("every output needs one value for each row of the target")
    scores = Scores(y, outputs, names)
    values = {model: {name: np.empty(resamples) for name in names} for model in outputs}

    def fill(chunk: _Chunk) -> int:
        counts, redrawn = chunk.draw(y, seed)
        for (model, name), found in scores(counts).items():
            values[model][name][chunk.start : chunk.stop] = found
        return redrawn

    # Products of several threads would differ in their last digits, and our own threads keep the cores busy.
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        redrawn = sum(pool.map(fill, _chunks(len(y), resamples)))
    points = {model: {name: point_value(name, y, output) for name in names} for model, output in outputs.items()}
    return Resampled(points=points, values=values, rows=_rarer(y), redrawn=redrawn)


def resampled_counts(y: Vector, *, resamples: int, seed: int) -> Iterator[tuple[Counts, int]]:
    """Chunks of row counts, shape (some, rows), each row summing to `rows`, with how many resamples were redrawn.

    A resample whose target takes one value has no rank, R2 or precision: it is drawn again and counted.
    """
    for chunk in _chunks(len(y), resamples):
        yield chunk.draw(y, seed)


@dataclass(frozen=True)
class _Chunk:
    """The resamples from `start` to before `stop`. Each chunk has random numbers of its own, so that threads need not
    wait for each other."""

    start: int
    stop: int

    def draw(self, y: Vector, seed: int) -> tuple[Counts, int]:
        rng = np.random.default_rng([seed, self.start])
        counts = np.empty((self.stop - self.start, len(y)), dtype=np.int32)
        redrawn = 0
        for place in range(len(counts)):
            counts[place], again = _varied(rng, y)
            redrawn += again
        return counts, redrawn


def _chunks(rows: int, resamples: int) -> Iterator[_Chunk]:
    size = max(1, _ELEMENTS // rows)
    for start in range(0, resamples, size):
        yield _Chunk(start, min(start + size, resamples))


def _varied(rng: np.random.Generator, y: Vector) -> tuple[Counts, int]:
    """How often each row was drawn, and how many draws had one target value and were thrown away."""
    for redrawn in range(_ROUNDS):
        drawn = rng.integers(0, len(y), size=len(y))
        first = y[drawn[0]]
        # A few rows nearly always show that the target varies.
        if (y[drawn[:_PEEP]] != first).any() or (y[drawn] != first).any():
            return np.bincount(drawn, minlength=len(y)).astype(np.int32), redrawn
    raise RuntimeError("a varied target gave constant resamples again and again")


def _rarer(y: Vector) -> int:
    values, rows = np.unique(y, return_counts=True)
    return int(rows.min()) if len(values) == 2 else len(y)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
