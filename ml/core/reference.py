"""Binned distributions of the training data, kept in the bundle as the reference for drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.problem import Problem
from service.schema import Feature

BINS = 10
PREDICTION_BINS = 20


def reference(problem: Problem, train: pd.DataFrame, output: npt.NDArray[np.float64]) -> dict[str, Any]:
    """The content of reference.json; `output` is the model's on the training rows.

    A number has `edges` (its quantiles, n + 1 of them) and `counts` (n); a category `levels` and `counts`;
    each has `missing`, the number of rows without a value.
    """
    features = {feature.name: _feature(feature, train[feature.name]) for feature in problem.features}
    edges = (
        np.linspace(0.0, 1.0, PREDICTION_BINS + 1) if problem.task == "binary" else _quantiles(output, PREDICTION_BINS)
    )
    return {"format": 1, "rows": len(train), "features": features, "prediction": _histogram(output, edges)}


def _feature(feature: Feature, column: pd.Series[Any]) -> dict[str, Any]:
    present = column.dropna()
    missing = {"missing": len(column) - len(present)}
    if feature.kind in ("category", "boolean"):
        levels = feature.levels or (False, True)
        # A boolean that may be missing is a float, whose counts are not found by True and False.
        counts = (present.astype("bool") if feature.kind == "boolean" else present).value_counts()
        return {"levels": list(levels), "counts": [int(counts.get(level, 0)) for level in levels]} | missing
    values = present.to_numpy(dtype=np.float64)
    return _histogram(values, _quantiles(values, BINS)) | missing


def _quantiles(values: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.float64]:
    if not len(values):
        return np.array([0.0, 1.0])
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)))
    return edges if len(edges) > 1 else np.array([edges[0], edges[0] + 1.0])


def _histogram(values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> dict[str, Any]:
    counts, _ = np.histogram(values, edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
