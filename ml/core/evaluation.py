"""What a model is worth on the holdout: metrics with intervals, slices, and the data of its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from ml.core.bootstrap import Interval, metric_intervals
from ml.core.frame import TARGET
from ml.core.slices import parts, unjudgeable
from ml.problem import Problem
from service.predictor import Vector
from service.schema import Frozen

SMALLEST_SLICE = 50
"""Rows below which a slice's metric says more about chance than about the model."""

_CURVE_POINTS = 200
_CALIBRATION_BINS = 10
_RESIDUAL_BINS = 40
_SCATTER_ROWS = 1_000


class Slice(Frozen):
    """The primary metric on one group of rows; where the group is too small or of one class, a reason and no value."""

    feature: str
    level: str
    rows: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


class RocPoint(Frozen):
    false_positive_rate: float
    true_positive_rate: float


class CalibrationBin(Frozen):
    """One tenth of the rows by predicted probability: the mean prediction and the observed share of positives."""

    predicted: float
    observed: float
    rows: int


class ResidualBin(Frozen):
    """Rows whose actual minus predicted value lies between `low` and `high`, in the target's unit."""

    low: float
    high: float
    rows: int


class Pair(Frozen):
    actual: float
    predicted: float


class Evaluation(Frozen):
    """A model on the holdout. The last four are the data of pictures; those of the other task are empty."""

    format: Literal[1] = 1
    rows: int
    metric: str
    confidence: float
    resamples: int
    seed: int
    metrics: dict[str, Interval]
    slices: tuple[Slice, ...]
    roc: tuple[RocPoint, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    residuals: tuple[ResidualBin, ...] = ()
    pairs: tuple[Pair, ...] = ()


def evaluate(problem: Problem, frame: pd.DataFrame, output: Vector, *, resamples: int, seed: int) -> Evaluation:
    """Evaluate outputs of shape (rows,) on a holdout with the features and `_target`.

    Intervals are two-sided at the gate's confidence. Raises ValueError where the target has one value only.
    """
    y = frame[TARGET].to_numpy(dtype=np.float64)
    confidence = problem.gate.confidence
    metrics = metric_intervals(y, output, problem.metrics, resamples=resamples, confidence=confidence, seed=seed)
    binary = problem.task == "binary"
    return Evaluation(
        rows=len(y),
        metric=problem.gate.metric,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        metrics=metrics,
        slices=tuple(_slices(problem, frame, y, output, resamples=resamples, seed=seed)),
        roc=_roc(y, output) if binary else (),
        calibration=_calibration(y, output) if binary else (),
        residuals=() if binary else _residuals(y - output),
        pairs=() if binary else _pairs(y, output, seed),
    )


def _slices(
    problem: Problem, frame: pd.DataFrame, y: Vector, output: Vector, *, resamples: int, seed: int
) -> Iterator[Slice]:
    metric, confidence = problem.gate.metric, problem.gate.confidence
    for feature, level, mask in parts(problem, frame):
        rows = int(mask.sum())
        if reason := unjudgeable(y[mask], SMALLEST_SLICE):
            yield Slice(feature=feature, level=level, rows=rows, reason=reason)
            continue
        found = metric_intervals(
            y[mask], output[mask], [metric], resamples=resamples, confidence=confidence, seed=seed
        )[metric]
        yield Slice(feature=feature, level=level, rows=rows, **found.model_dump())


def _roc(y: Vector, output: Vector) -> tuple[RocPoint, ...]:
    """The curve's corners, thinned evenly where there are many; both ends stay."""
    false_positive, true_positive, _ = roc_curve(y, output)
    kept = np.unique(np.linspace(0, len(false_positive) - 1, _CURVE_POINTS).round().astype(int))
    return tuple(
        RocPoint(false_positive_rate=float(false_positive[i]), true_positive_rate=float(true_positive[i])) for i in kept
    )


def _calibration(y: Vector, output: Vector) -> tuple[CalibrationBin, ...]:
    """Bins of equal numbers of rows by predicted probability; equal predictions share a bin."""
    edges = np.unique(np.quantile(output, np.linspace(0.0, 1.0, _CALIBRATION_BINS + 1)[1:-1]))
    place = np.searchsorted(edges, output, side="left")
    masks = (place == index for index in np.unique(place))
    return tuple(
        CalibrationBin(predicted=float(output[mask].mean()), observed=float(y[mask].mean()), rows=int(mask.sum()))
        for mask in masks
    )


def _residuals(residuals: Vector) -> tuple[ResidualBin, ...]:
    counts, edges = np.histogram(residuals, bins=_RESIDUAL_BINS)
    bounds = zip(edges[:-1], edges[1:], counts, strict=True)
    return tuple(ResidualBin(low=float(low), high=float(high), rows=int(rows)) for low, high, rows in bounds)


def _pairs(y: Vector, output: Vector, seed: int) -> tuple[Pair, ...]:
    """A random sample of rows, at most a thousand, in the holdout's order."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(y), size=min(len(y), _SCATTER_ROWS), replace=False))
    return tuple(Pair(actual=float(y[i]), predicted=float(output[i])) for i in chosen)
