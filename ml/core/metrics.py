"""The metrics that judge models: scikit-learn's point values, and a weighted form for many resamples at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn import metrics as sk

from service.predictor import Vector

Point = Callable[[Vector, Vector], float]
Statistic = Callable[[Vector], Vector]

_GREATER_IS_BETTER = {
    "roc_auc": True,
    "average_precision": True,
    "r2": True,
    "log_loss": False,
    "brier": False,
    "rmse": False,
    "mae": False,
}


def greater_is_better(name: str) -> bool:
    """Whether a larger value of the metric is a better model. Raises KeyError for an unknown metric."""
    return _GREATER_IS_BETTER[name]


def point_value(name: str, y: Vector, output: Vector) -> float:
    """scikit-learn's value of a metric for a target and a probability (binary) or value (regression), each of shape
    (rows,). Raises ValueError where the target has one value only: ranks and R2 mean nothing there."""
    require_varied(y)
    return float(_POINTS[name](y, output))


def require_varied(y: Vector) -> None:
    """Raise ValueError unless the target takes at least two values."""
    if len(y) == 0 or y.min() == y.max():
        raise ValueError("the target has one value only; no metric can be judged on it")


def weighted(name: str, y: Vector, output: Vector) -> Statistic:
    """The metric as a function of row weights: (resamples, rows) in, (resamples,) out.

    Weights are counts of a bootstrap resample or any non-negative numbers, as in scikit-learn's `sample_weight`.
    What does not depend on them (sorting, per-row losses) is done once here. Every row of weights must leave a
    target of at least two values, else the value is undefined.
    """
    return _STATISTICS[name](np.asarray(y, dtype=np.float64), np.asarray(output, dtype=np.float64))


def _roc_auc(y: Vector, output: Vector) -> Statistic:
    """The Mann-Whitney statistic: weight of pairs that are ranked rightly, a tie counting half, over all pairs
    (Hanley & McNeil 1982)."""
    positive = np.flatnonzero(y == 1)
    negative = np.flatnonzero(y != 1)
    negative = negative[np.argsort(output[negative], kind="stable")]
    below = np.searchsorted(output[negative], output[positive], side="left")
    not_above = np.searchsorted(output[negative], output[positive], side="right")

    def statistic(weights: Vector) -> Vector:
        ours = weights[:, positive]
        theirs = _running_sum(weights[:, negative])
        right = np.einsum("ij,ij->i", ours, theirs[:, below])
        right_or_tied = np.einsum("ij,ij->i", ours, theirs[:, not_above])
        pairs: Vector = ours.sum(axis=1) * theirs[:, -1]
        value: Vector = 0.5 * (right + right_or_tied) / pairs
        return value

    return statistic


def _average_precision(y: Vector, output: Vector) -> Statistic:
    """The weighted mean, over positives, of the precision at each one's score; rows of equal score enter together, as
    in scikit-learn's sum of (R_n - R_{n-1}) P_n."""
    order = np.argsort(-output, kind="stable")
    positive = np.flatnonzero(y == 1)
    positive = positive[np.argsort(-output[positive], kind="stable")]
    reached = np.searchsorted(-output[order], -output[positive], side="right")
    reached_positive = np.searchsorted(-output[positive], -output[positive], side="right")

    def statistic(weights: Vector) -> Vector:
        ours = weights[:, positive]
        hits = _running_sum(ours)
        selected = _running_sum(weights[:, order])[:, reached]
        precision = np.divide(hits[:, reached_positive], selected, out=np.zeros_like(selected), where=selected > 0)
        value: Vector = np.einsum("ij,ij->i", ours, precision) / hits[:, -1]
        return value

    return statistic


def _r2(y: Vector, output: Vector) -> Statistic:
    """1 - residual / total sum of squares, the total taken around each resample's own mean."""
    squares = (y - output) ** 2

    def statistic(weights: Vector) -> Vector:
        mean = weights @ y / weights.sum(axis=1)
        total = np.einsum("ij,ij->i", weights, (y - mean[:, np.newaxis]) ** 2)
        value: Vector = 1.0 - weights @ squares / total
        return value

    return statistic


def _mean_of(losses: Vector) -> Statistic:
    def statistic(weights: Vector) -> Vector:
        value: Vector = weights @ losses / weights.sum(axis=1)
        return value

    return statistic


def _log_loss(y: Vector, output: Vector) -> Statistic:
    tiny = np.finfo(np.float64).eps
    return _mean_of(-np.log(np.clip(np.where(y == 1, output, 1.0 - output), tiny, 1.0 - tiny)))


def _rmse(y: Vector, output: Vector) -> Statistic:
    mean_square = _mean_of((y - output) ** 2)
    return lambda weights: np.sqrt(mean_square(weights))


def _running_sum(weights: Vector) -> Vector:
    """Cumulative sums along rows with a leading zero: shape (resamples, rows + 1)."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


_POINTS: dict[str, Point] = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "r2": sk.r2_score,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
}
_STATISTICS: dict[str, Callable[[Vector, Vector], Statistic]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": lambda y, output: _mean_of((y - output) ** 2),
    "r2": _r2,
    "rmse": _rmse,
    "mae": lambda y, output: _mean_of(np.abs(y - output)),
}
