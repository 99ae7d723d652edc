"""How far a metric, or the gap between two models, would move if other rows had been held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from ml.core.metrics import greater_is_better, point_value, require_varied, weighted
from service.predictor import Vector
from service.schema import Frozen

Indices = npt.NDArray[np.int64]

POWER = 0.8
"""The share of cases in which a detectable gain is found."""

_ELEMENTS = 2_000_000
"""Weights held at once: 16 MB a matrix, of which a metric needs fewer than ten."""
_ROUNDS = 200
"""A varied target gives a constant resample with a chance of a half at most, so this many redraws never run out."""


class Interval(Frozen):
    """A metric's value on the rows and its percentile bootstrap interval."""

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
    """Metrics of several models on the same resampled rows: `values[model][metric]` has shape (resamples,)."""

    points: Mapping[str, Mapping[str, float]]
    values: Mapping[str, Mapping[str, Vector]]
    redrawn: int

    def interval(self, model: str, metric: str, confidence: float) -> Interval:
        """The two-sided percentile interval (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13)."""
        tail = (1.0 - confidence) / 2.0
        low, high = np.quantile(self.values[model][metric], [tail, 1.0 - tail])
        return Interval(value=self.points[model][metric], low=float(low), high=float(high))

    def gain(self, champion: str, challenger: str, metric: str, confidence: float) -> Gain:
        """The paired gain with one-sided percentile bounds (Efron & Tibshirani 1993, ch. 13 and 16).

        The percentile bound is a little bold on few rows: at 95 %, twins in ROC AUC pass in about 5.7 % of trials on
        300 rows and 5.2 % on 1,500.
        """
        sign = 1.0 if greater_is_better(metric) else -1.0
        gains = sign * (self.values[challenger][metric] - self.values[champion][metric])
        low, high = np.quantile(gains, [1.0 - confidence, confidence])
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


def metric_intervals(
    y: Vector, output: Vector, names: Sequence[str], *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """Each named metric with its interval. Raises ValueError where the target has one value only."""
    resampled = resample(y, {"model": output}, names, resamples=resamples, seed=seed)
    return {name: resampled.interval("model", name, confidence) for name in names}


def paired_gain(
    y: Vector, champion: Vector, challenger: Vector, metric: str, *, resamples: int, confidence: float, seed: int
) -> Gain:
    """The challenger's gain over the champion, both judged on the same resampled rows.

    Raises ValueError where the target has one value only.
    """
    outputs = {"champion": champion, "challenger": challenger}
    resampled = resample(y, outputs, [metric], resamples=resamples, seed=seed)
    return resampled.gain("champion", "challenger", metric, confidence)


def resample(y: Vector, outputs: Mapping[str, Vector], names: Sequence[str], *, resamples: int, seed: int) -> Resampled:
    """Evaluate metrics of several models on the same bootstrap resamples of the rows.

    `y` and every output have shape (rows,). Equal arguments give equal values. Raises ValueError where the target has
    one value only or the lengths differ.
    """
    require_varied(y)
    if any(output.shape != y.shape for output in outputs.values()):
        raise ValueError("every output needs one value for each row of the target")
    statistics = {model: {name: weighted(name, y, output) for name in names} for model, output in outputs.items()}
    values = {model: {name: np.empty(resamples) for name in names} for model in outputs}
    redrawn = start = 0
    for weights, again in resampled_weights(y, resamples=resamples, seed=seed):
        stop = start + len(weights)
        for model, named in statistics.items():
            for name, statistic in named.items():
                values[model][name][start:stop] = statistic(weights)
        start, redrawn = stop, redrawn + again
    points = {model: {name: point_value(name, y, output) for name in names} for model, output in outputs.items()}
    return Resampled(points=points, values=values, redrawn=redrawn)


def resampled_weights(y: Vector, *, resamples: int, seed: int) -> Iterator[tuple[Vector, int]]:
    """Chunks of row counts, shape (some, rows), each row summing to `rows`, with how many resamples were redrawn.

    A resample whose target takes one value has no rank, R2 or precision: it is drawn again and counted.
    """
    rows = len(y)
    rng = np.random.default_rng(seed)
    chunk = max(1, _ELEMENTS // rows)
    for start in range(0, resamples, chunk):
        drawn, redrawn = _draw(rng, y, min(chunk, resamples - start))
        yield _counts(drawn), redrawn


def _draw(rng: np.random.Generator, y: Vector, count: int) -> tuple[Indices, int]:
    drawn = rng.integers(0, len(y), size=(count, len(y)))
    redrawn = 0
    for _ in range(_ROUNDS):
        targets = y[drawn]
        constant = np.flatnonzero(targets.min(axis=1) == targets.max(axis=1))
        if not len(constant):
            return drawn, redrawn
        drawn[constant] = rng.integers(0, len(y), size=(len(constant), len(y)))
        redrawn += len(constant)
    raise RuntimeError("a varied target gave constant resamples again and again")


def _counts(drawn: Indices) -> Vector:
    count, rows = drawn.shape
    flat = (drawn + np.arange(count)[:, np.newaxis] * rows).ravel()
    return np.bincount(flat, minlength=count * rows).reshape(count, rows).astype(np.float64)
