"""Metrics of several models on many resamples at once: what does not depend on the resample is done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.core.binning import equal_mass
from ml.core.metrics import CALIBRATION_ERROR
from service.predictor import Vector

Counts = npt.NDArray[np.int32]
"""How often each row was drawn: shape (resamples, rows)."""
Sums = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]
Name = tuple[str, str]
"""A model and a metric."""

_RANKED = ("roc_auc", "average_precision")


class Scores:
    """Metrics of several models as one function of row counts.

    All metrics that are means of something share one matrix product, those that rank rows share one sorting a model.
    Every row of counts must leave a target of at least two values, else ranks and R2 are undefined.
    """

    def __init__(self, y: Vector, outputs: Mapping[str, Vector], names: Sequence[str]) -> None:
        self._means: dict[Name, tuple[slice, Callable[[Vector], Vector]]] = {}
        self._ranked = [name for name in _RANKED if name in names]
        self._rankings = {model: _Ranking.of(y, output) for model, output in outputs.items() if self._ranked}
        self._gaps = {model: _Gaps.of(y, output) for model, output in outputs.items() if CALIBRATION_ERROR in names}
        columns: list[Vector] = []
        for model, output in outputs.items():
            for name in names:
                if name in _MEANS:
                    of, finish = _MEANS[name]
                    found = of(y, output)
                    self._means[model, name] = slice(len(columns), len(columns) + len(found)), finish
                    columns += found
        self._columns = np.column_stack(columns) if columns else np.empty((len(y), 0))

    def __call__(self, counts: Counts) -> dict[Name, Vector]:
        """Values of shape (resamples,) by model and metric."""
        values: dict[Name, Vector] = {}
        if self._means:
            rows = counts.sum(axis=1)[:, np.newaxis]
            means = counts.astype(np.float64) @ self._columns / rows
            values |= {name: finish(means[:, place]) for name, (place, finish) in self._means.items()}
        for model, ranking in self._rankings.items():
            ranked = ranking.counted(counts)
            values |= {(model, name): _RANKS[name](ranked) for name in self._ranked}
        return values | {(model, CALIBRATION_ERROR): gaps(counts) for model, gaps in self._gaps.items()}


@dataclass(frozen=True)
class _Ranked:
    """Counts at the thresholds of a ranking, best first, each shape (resamples, thresholds).

    A threshold is a distinct score that a positive row has. `hits`: positives at it; `hits_to`: those at or above it;
    `misses_above` and `misses_to`: negatives above it, and at or above it. `misses`: all negatives, (resamples,).
    """

    hits: Sums
    hits_to: Sums
    misses_above: Sums
    misses_to: Sums
    misses: Sums


@dataclass(frozen=True)
class _Ranking:
    """Where the rows of a model's ranking lie, `positives` being its positive rows.

    `last_hit`, `above` and `to` are places in running sums with a leading zero: after each threshold's last positive,
    before its first row, and after its last row.
    """

    order: Indices
    positives: Indices
    last_hit: Indices
    above: Indices
    to: Indices

    @classmethod
    def of(cls, y: Vector, output: Vector) -> _Ranking:
        order = np.argsort(-output, kind="stable")
        positives = order[y[order] == 1]
        falling = -output[positives]
        last_hit = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1) + 1
        thresholds = falling[last_hit - 1]
        above = np.searchsorted(-output[order], thresholds, side="left")
        to = np.searchsorted(-output[order], thresholds, side="right")
        return cls(order, positives, last_hit, above, to)

    def counted(self, counts: Counts) -> _Ranked:
        rows = _running(counts, self.order)
        hits_to = _at(_running(counts, self.positives), self.last_hit).astype(np.int64)
        hits = np.diff(hits_to, axis=1, prepend=0)
        return _Ranked(
            hits=hits,
            hits_to=hits_to,
            misses_above=_at(rows, self.above) - (hits_to - hits),
            misses_to=_at(rows, self.to) - hits_to,
            misses=rows[:, -1] - hits_to[:, -1],
        )


@dataclass(frozen=True)
class _Gaps:
    """The expected calibration error in bins that stay as they are on all rows: `gap` is target minus probability of
    the rows in `order`, and a bin begins at each of `starts`."""

    order: Indices
    gap: Vector
    starts: Indices

    @classmethod
    def of(cls, y: Vector, probability: Vector) -> _Gaps:
        places = equal_mass(probability)
        order = np.argsort(places, kind="stable")
        starts = np.flatnonzero(np.diff(places[order], prepend=-1))
        return cls(order, (y - probability)[order], starts)

    def __call__(self, counts: Counts) -> Vector:
        drawn = _at(counts, self.order)
        gaps = np.add.reduceat(drawn * self.gap, self.starts, axis=1)
        value: Vector = np.abs(gaps).sum(axis=1) / counts.sum(axis=1)
        return value


def _at(counts: Counts, places: Indices) -> Counts:
    """Columns at places that are known to exist: taken without a check of each, and without Python's lock."""
    return np.take(counts, places, axis=1, mode="clip")


def _running(counts: Counts, places: Indices) -> Counts:
    """Running sums over the rows at the places, with a leading zero: shape (resamples, places + 1)."""
    sums = np.zeros((len(counts), len(places) + 1), dtype=np.int32)
    np.cumsum(_at(counts, places), axis=1, out=sums[:, 1:])
    return sums


def _roc_auc(ranked: _Ranked) -> Vector:
    """The Mann-Whitney statistic: pairs that are ranked rightly, a tie counting half, over all pairs (Hanley & McNeil
    1982). Counts are whole, so pairs are exact."""
    wrong_twice = np.einsum("ij,ij->i", ranked.hits, ranked.misses_above + ranked.misses_to)
    value: Vector = 1.0 - wrong_twice / (2.0 * ranked.hits_to[:, -1] * ranked.misses)
    return value


def _average_precision(ranked: _Ranked) -> Vector:
    """The mean, over positives, of the precision at each one's score; rows of equal score enter together, as in
    scikit-learn's sum of (R_n - R_{n-1}) P_n."""
    selected = ranked.hits_to + ranked.misses_to
    precision = np.divide(ranked.hits_to, selected, out=np.zeros(selected.shape), where=selected > 0)
    value: Vector = np.einsum("ij,ij->i", ranked.hits, precision) / ranked.hits_to[:, -1]
    return value


def _squares(y: Vector, output: Vector) -> list[Vector]:
    return [(y - output) ** 2]


def _log_losses(y: Vector, output: Vector) -> list[Vector]:
    tiny = np.finfo(np.float64).eps
    return [-np.log(np.clip(np.where(y == 1, output, 1.0 - output), tiny, 1.0 - tiny))]


def _residuals_and_moments(y: Vector, output: Vector) -> list[Vector]:
    # Around the mean of all rows a resample's total loses no digits.
    centred = y - y.mean()
    return [(y - output) ** 2, centred, centred**2]


def _only(means: Vector) -> Vector:
    return means[:, 0]


def _r2(means: Vector) -> Vector:
    """1 - residual / total sum of squares, the total taken around each resample's own mean."""
    value: Vector = 1.0 - means[:, 0] / (means[:, 2] - means[:, 1] ** 2)
    return value


_RANKS = {"roc_auc": _roc_auc, "average_precision": _average_precision}
_MEANS: dict[str, tuple[Callable[[Vector, Vector], list[Vector]], Callable[[Vector], Vector]]] = {
    "log_loss": (_log_losses, _only),
    "brier": (_squares, _only),
    "r2": (_residuals_and_moments, _r2),
    "rmse": (_squares, lambda means: np.sqrt(means[:, 0])),
    "mae": (lambda y, output: [np.abs(y - output)], _only),
}
