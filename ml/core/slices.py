"""Cut rows into named groups, so that a model that is good on the whole and bad for some is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.problem import Problem
from service.predictor import Vector
from service.schema import Feature

Mask = npt.NDArray[np.bool_]


def parts(problem: Problem, frame: pd.DataFrame) -> Iterator[tuple[str, str, Mask]]:
    """Feature, name and row mask of every slice of the problem, in the order of its file."""
    features = {feature.name: feature for feature in problem.features}
    for cut in problem.slices:
        for level, mask in groups(frame[cut.feature], features[cut.feature], cut.edges):
            yield cut.feature, level, mask


def unjudgeable(y: Vector, least: int) -> str:
    """Why no metric can be judged on a slice with these targets, shape (rows,); empty where one can."""
    if len(y) < least:
        return f"fewer than {least} rows"
    return "the target has one value only" if y.min() == y.max() else ""


def groups(column: pd.Series, feature: Feature, edges: Sequence[float] = ()) -> Iterator[tuple[str, Mask]]:
    """A name and a row mask for each level of a category or boolean, or each quartile of a number; missing values last.

    With `edges` a number is cut there instead: below the first, from each to below the next, from the last on.

    Levels come in the feature's order, those without rows too. A quartile is named by the least and largest value in
    it; where values repeat there may be fewer than four.
    """
    missing = column.isna().to_numpy(dtype=bool)
    if feature.kind in ("integer", "number"):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        yield from _bins(values, missing, edges) if edges else _quartiles(values, missing)
    else:
        labels = column.astype(object).where(column.notna(), None).to_numpy()
        for level in feature.levels or (False, True):
            yield str(level), ~missing & (labels == level)
    if missing.any():
        yield "missing", missing


def _bins(values: npt.NDArray[np.float64], missing: Mask, edges: Sequence[float]) -> Iterator[tuple[str, Mask]]:
    place = np.searchsorted(np.asarray(edges), values, side="right")
    names = [
        f"below {edges[0]:,.6g}",
        *(f"{low:,.6g} to below {high:,.6g}" for low, high in pairwise(edges)),
        f"{edges[-1]:,.6g} and above",
    ]
    for index, name in enumerate(names):
        yield name, ~missing & (place == index)


def _quartiles(values: npt.NDArray[np.float64], missing: Mask) -> Iterator[tuple[str, Mask]]:
    known = values[~missing]
    if not len(known):
        return
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="inverted_cdf"))
    place = np.searchsorted(edges, values, side="left")
    for quartile in np.unique(place[~missing]):
        mask = ~missing & (place == quartile)
        least, largest = values[mask].min(), values[mask].max()
        yield (f"{least:,.6g}" if least == largest else f"{least:,.6g} to {largest:,.6g}"), mask
