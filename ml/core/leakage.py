"""Find a feature that gives the target away: one that predicts it nearly perfectly on its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import r2_score, roc_auc_score

from ml.core.metrics import require_varied
from ml.problem import Problem
from service.predictor import Vector
from service.schema import Feature, Frozen, Task

Codes = npt.NDArray[np.int64]

_ROWS_PER_BIN = 20
_MOST_BINS = 100


class Leak(Frozen):
    """A feature and how well it alone predicts the target: ROC AUC (binary) or R2 (regression)."""

    feature: str
    score: float


def strongest_single_feature(frame: pd.DataFrame, y: Vector, problem: Problem) -> Leak:
    """The feature that alone predicts the target best on these rows, and how well.

    Each feature is cut into bins (quantiles for numbers, levels for categories, missing values apart) and the target's
    mean in each bin, learnt on one half of the rows, is scored on the other, both ways. Means have no direction, so a
    feature that falls with the target counts as much as one that rises. For a number that meets a number, a line in
    each bin stands for the mean, and the better R2 of the target and of its ranks counts: a copy scores 1 however long
    its tails, and so does its logarithm. Raises ValueError for a target of one value.
    """
    require_varied(y)
    fold = _stratified_halves(y)
    scored = [Leak(feature=f.name, score=_score(frame[f.name], f, y, fold, problem.task)) for f in problem.features]
    return max(scored, key=lambda leak: leak.score)


def _score(column: pd.Series, feature: Feature, y: Vector, fold: Codes, task: Task) -> float:
    numeric = feature.kind in ("integer", "number")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan) if numeric else np.zeros(len(y))
    codes = _quantile_codes(values) if numeric else pd.factorize(column, use_na_sentinel=False)[0].astype(np.int64)
    if task == "binary":
        predicted = _cross_fitted(codes, np.zeros(len(y)), y, fold)
        return float(np.mean([_auc(y[fold == half], predicted[fold == half]) for half in (0, 1)]))
    x = np.nan_to_num(values)
    return max(float(r2_score(target, _cross_fitted(codes, x, target, fold))) for target in (y, rankdata(y)))


def _cross_fitted(codes: Codes, x: Vector, y: Vector, fold: Codes) -> Vector:
    """Each half's predictions by the other half's bins."""
    predicted = np.empty(len(y))
    for half in (0, 1):
        train, test = fold != half, fold == half
        predicted[test] = _predict(codes[train], x[train], y[train], codes[test], x[test])
    # A line may run away beyond the rows that it was learnt on; the target's own range is the bound.
    return np.clip(predicted, y.min(), y.max())


def _auc(y: Vector, predicted: Vector) -> float:
    """ROC AUC, or that of a coin where a half of the rows has one class only."""
    return 0.5 if y.min() == y.max() else float(roc_auc_score(y, predicted))


def _predict(codes: Codes, x: Vector, y: Vector, codes_test: Codes, x_test: Vector) -> Vector:
    """Least squares in each bin: a line where the bin's `x` varies, else its mean; an unseen bin takes the overall
    mean."""
    size = int(max(codes.max(), codes_test.max())) + 1
    rows = np.bincount(codes, minlength=size)
    seen = np.maximum(rows, 1)
    mean_x = np.bincount(codes, weights=x, minlength=size) / seen
    mean_y = np.where(rows > 0, np.bincount(codes, weights=y, minlength=size) / seen, y.mean())
    off_x, off_y = x - mean_x[codes], y - mean_y[codes]
    spread = np.bincount(codes, weights=off_x**2, minlength=size)
    together = np.bincount(codes, weights=off_x * off_y, minlength=size)
    slope = np.divide(together, spread, out=np.zeros(size), where=spread > 0)
    line: Vector = mean_y[codes_test] + slope[codes_test] * (x_test - mean_x[codes_test])
    return line


def _quantile_codes(values: Vector) -> Codes:
    """Quantile bins of a number, 0 for missing. A value that repeats, or any where there are few, has a bin of its own:
    flags and sentinels stay whole."""
    known = values[~np.isnan(values)]
    bins = int(np.clip(len(known) // (2 * _ROWS_PER_BIN), 2, _MOST_BINS))
    distinct, rows = np.unique(known, return_counts=True)
    own = edges = distinct
    if len(distinct) > bins:
        own = distinct[rows >= _ROWS_PER_BIN]
        quantiles = np.quantile(known, np.linspace(0.0, 1.0, bins + 1)[1:-1], method="inverted_cdf")
        edges = np.union1d(own, quantiles)
    place = np.searchsorted(edges, values, side="left") + np.searchsorted(own, values, side="right")
    return np.where(np.isnan(values), 0, place + 1).astype(np.int64)


def _stratified_halves(y: Vector) -> Codes:
    """0 or 1 for each row, so that both halves hold the same share of every target value; the same on every call."""
    order = np.lexsort((np.random.default_rng(0).random(len(y)), y))
    fold = np.empty(len(y), dtype=np.int64)
    fold[order] = np.arange(len(y)) % 2
    return fold
