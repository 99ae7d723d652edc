"""SHAP values by the shap library (Lundberg and Lee, 2017), of any function from columns to outputs."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from service.predictor import Vector
from service.schema import Schema

Predict = Callable[[Mapping[str, Any]], Vector]

PERMUTATIONS = 1
"""There and back: exact where no more than two features act together (shap's own documentation)."""


@dataclass(frozen=True)
class Attribution:
    """`base` is the mean output of the background; with a row of `values`, shape (rows, features), it adds up to the
    row's output."""

    base: float
    values: Vector


def attribute(
    schema: Schema, predict: Predict, rows: pd.DataFrame, background: pd.DataFrame, *, seed: int
) -> Attribution:
    """SHAP values of rows that the schema takes, in the order of its features.

    numpy's global random state, which shap draws from, is left as it was.
    """
    shap = _shap()
    codes = _Codes(schema, rows, background)
    evaluations = PERMUTATIONS * (2 * len(schema.features) + 1)
    state = np.random.get_state()
    try:
        explainer = shap.PermutationExplainer(
            lambda coded: predict(codes.decode(coded)),
            shap.maskers.Independent(codes.encode(background), max_samples=len(background)),
            seed=seed,
        )
        found = explainer(codes.encode(rows), max_evals=evaluations, silent=True)
    finally:
        np.random.set_state(state)
    return Attribution(float(found.base_values[0]), np.asarray(found.values, dtype=np.float64))


def method() -> str:
    """How values are made, for the record."""
    return (
        f"the permutation explainer of shap {_shap().__version__}, {PERMUTATIONS} permutation there and back, of the "
        "serving predictor's own outputs"
    )


class _Codes:
    """Rows as a matrix of floats: each value is its place among the distinct values of its feature, a gap included.

    shap takes values that are nearly equal for equal, and knows neither texts nor gaps; of places none is near another.
    """

    def __init__(self, schema: Schema, *frames: pd.DataFrame) -> None:
        self._distinct: dict[str, pd.Index[Any]] = {}
        for feature in schema.features:
            together = pd.concat([frame[feature.name] for frame in frames], ignore_index=True)
            self._distinct[feature.name] = pd.Index(together.unique())

    def encode(self, frame: pd.DataFrame) -> Vector:
        """An array of shape (rows, features)."""
        places = [distinct.get_indexer(pd.Index(frame[name])) for name, distinct in self._distinct.items()]
        codes = np.column_stack(places).astype(np.float64)
        assert (codes >= 0.0).all(), "every value is among the distinct ones"
        return codes

    def decode(self, codes: Vector) -> dict[str, Any]:
        """Columns as the serving predictor takes them."""
        places = codes.astype(np.intp)
        return {
            name: distinct.to_numpy()[places[:, column]]
            for column, (name, distinct) in enumerate(self._distinct.items())
        }


def _shap() -> ModuleType:
    """The library, imported when it is needed, for it takes seconds; it uses what matplotlib will deprecate meanwhile.

    Its two inner loops stay Python: numba would compile for five seconds what runs for a tenth of one.
    """
    from numba import config

    numba: Any = config
    before, numba.DISABLE_JIT = numba.DISABLE_JIT, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return importlib.import_module("shap")
    finally:
        numba.DISABLE_JIT = before
