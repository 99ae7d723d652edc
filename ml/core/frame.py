"""The clean table that passes between the stages: a row key, the typed features, the target."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.problem import Problem
from service.schema import Feature, Schema, Value

KEY = "_key"
TARGET = "_target"
LINE = "_line"
TEXT = pd.StringDtype(na_value=np.nan)
MISSING_LEVEL = "(missing)"

Keys = npt.NDArray[np.uint64]


def typed(feature: Feature, values: pd.Series[Any]) -> pd.Series[Any]:
    """Checked values in the dtype that the pipeline is fitted on.

    Integers and booleans that may be missing become float64, because a nullable integer would cost the logged
    model its signature. A missing text is NaN.
    """
    if feature.kind == "category":
        if isinstance(feature.levels[0], int):
            return values.astype("float64").astype("int64")
        return values.astype(TEXT)
    if feature.kind == "number" or feature.nullable:
        return values.astype("float64")
    return values.astype("bool" if feature.kind == "boolean" else "int64")


def frame_of(model: Problem | Schema, rows: Sequence[Mapping[str, Value]]) -> pd.DataFrame:
    """Feature columns of rows as a client gives them."""
    columns = {f.name: typed(f, pd.Series([row[f.name] for row in rows], dtype=object)) for f in model.features}
    return pd.DataFrame(columns)


def rows_of(model: Problem | Schema, frame: pd.DataFrame) -> list[dict[str, Value]]:
    """The same rows as a client would send them."""
    columns = {feature.name: _plain(feature, frame[feature.name]) for feature in model.features}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def columns_of(model: Problem | Schema, frame: pd.DataFrame) -> dict[str, Any]:
    """Arrays per feature of a problem or of a bundle's schema, as the serving predictor takes them."""
    return {feature.name: frame[feature.name].to_numpy() for feature in model.features}


def digest_of(frame: pd.DataFrame) -> str:
    """sha256 over names and values, whatever file they came from."""
    digest = hashlib.sha256("\x1f".join(frame.columns).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def rounded(document: Any) -> Any:
    """The document with every float at ten significant digits, below which machines may differ."""
    if isinstance(document, float):
        return float(f"{document:.10g}")
    if isinstance(document, dict):
        return {key: rounded(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [rounded(value) for value in document]
    return document


def _plain(feature: Feature, column: pd.Series[Any]) -> list[Value]:
    def plain(value: Any) -> Value:
        if value is None or value != value:
            return None
        if feature.kind == "boolean":
            return bool(value)
        if feature.kind == "integer":
            return int(value)
        return value  # type: ignore[no-any-return]

    return [plain(value) for value in column.tolist()]
