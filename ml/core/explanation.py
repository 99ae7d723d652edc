"""What drives a model, in its output's own unit: SHAP values and partial dependence of what is served."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.core.frame import columns_of, frame_of, rows_of, typed
from ml.core.record import Dependence, Driver, Effect, Explanation
from ml.core.shapley import Predict, attribute, method
from service.predictor import Vector
from service.schema import Feature, Schema, Value

BACKGROUND = 50
"""Rows that stand for `a feature is not known`; an explained row costs (2 x features + 1) x background outputs."""
DEPENDENCES = 4
GRID = 20
DRIVERS = 5
PICTURE_DIGITS = 6
METHOD = (
    "SHAP values (Lundberg and Lee, 2017) by {how}; partial dependence (Friedman, 2001) from the 5th to the 95th "
    "percentile over the same background rows."
)


@dataclass(frozen=True)
class Model:
    """Columns of the schema's features in, outputs out: the serving predictor's `many`."""

    schema: Schema
    predict: Predict

    def takes(self, frame: pd.DataFrame) -> bool:
        """Whether every row has the schema's features, with levels that it knows and gaps only where it allows them."""
        return all(f.name in frame and _fits(f, frame[f.name]) for f in self.schema.features)


def explain(
    challenger: Model, champion: Model | None, rows: pd.DataFrame, *, explained: int, seed: int
) -> Explanation | None:
    """SHAP of `explained` rows and the partial dependence of the features that matter most; None for rows that the
    challenger does not take. The champion's curves are left out where it does not take the rows."""
    if rows.empty or not challenger.takes(rows):
        return None
    rng = np.random.default_rng(seed)
    shown, background = some(rows, explained, rng), some(rows, BACKGROUND, rng)
    found = attribute(challenger.schema, challenger.predict, shown, background, seed=seed)
    effects = _effects(challenger.schema, shown, found.values)
    top = [effect.feature for effect in effects[:DEPENDENCES] if effect.mean_absolute > 0.0]
    features = {feature.name: feature for feature in challenger.schema.features}
    return Explanation(
        method=METHOD.format(how=method()),
        rows=len(shown),
        background=len(background),
        base=found.base,
        effects=effects,
        dependence=tuple(_dependence(features[name], challenger, champion, rows, background) for name in top),
    )


def drivers(
    challenger: Model,
    champion: Model | None,
    rows: Sequence[Mapping[str, Value]],
    background: pd.DataFrame,
    *,
    seed: int,
) -> list[tuple[Driver, ...]]:
    """Per row up to five features whose SHAP parts differ most between both models, the largest difference first.

    A feature that a model does not have has no part in its output, 0. A champion that does not take the rows or the
    background is left out, and the challenger's largest parts are given; where the challenger does not, nothing is.
    """
    sample = some(background, BACKGROUND, np.random.default_rng(seed))
    ours = _parts(challenger, rows, sample, seed)
    theirs = _parts(champion, rows, sample, seed) if champion is not None else None
    if ours is None:
        return [() for _ in rows]
    kept_back = withheld(challenger.schema, *([champion.schema] if champion is not None else []))
    return [_drivers(row, ours[n], None if theirs is None else theirs[n], kept_back) for n, row in enumerate(rows)]


def withheld(*schemas: Schema) -> frozenset[str]:
    """Features whose values the capture rules of one of the schemas drop or hash: no value of theirs goes on record."""
    return frozenset(name for schema in schemas for name in (*schema.capture.drop, *schema.capture.hash))


def _fits(feature: Feature, column: pd.Series[Any]) -> bool:
    if column.isna().any() and not feature.nullable:
        return False
    if feature.kind == "category":
        return bool(column.dropna().isin(list(feature.levels)).all())
    return pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column)


def some(frame: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """At most `count` rows, each at most once."""
    return frame.iloc[rng.choice(len(frame), size=min(count, len(frame)), replace=False)]


def _effects(schema: Schema, rows: pd.DataFrame, values: Vector) -> tuple[Effect, ...]:
    """One a feature, the strongest first. Points are ordered by size, so that they cannot be put together to rows."""
    sizes = np.abs(values).mean(axis=0)
    total = float(sizes.sum())
    plain, kept_back = rows_of(schema, rows), withheld(schema)

    def points(name: str, parts: Vector) -> tuple[tuple[Value, float], ...]:
        given = (None if name in kept_back else row[name] for row in plain)
        return tuple(sorted(zip(given, map(_short, parts), strict=True), key=lambda point: point[1]))

    effects = [
        Effect(
            feature=feature.name,
            mean_absolute=float(sizes[column]),
            share=float(sizes[column]) / total if total else 0.0,
            points=points(feature.name, values[:, column]),
            levels=bool(feature.levels),
            withheld=feature.name in kept_back,
        )
        for column, feature in enumerate(schema.features)
    ]
    return tuple(sorted(effects, key=lambda effect: -effect.mean_absolute))


def _dependence(
    feature: Feature, challenger: Model, champion: Model | None, rows: pd.DataFrame, background: pd.DataFrame
) -> Dependence:
    grid = _grid(feature, rows[feature.name])
    repeated = pd.concat([background] * len(grid), ignore_index=True)
    values = pd.Series([value for value in grid for _ in range(len(background))], dtype=object)
    repeated[feature.name] = typed(feature, values)

    def curve(model: Model) -> tuple[float, ...]:
        outputs = model.predict(columns_of(model.schema, repeated)).reshape(len(grid), len(background))
        return tuple(_short(output) for output in outputs.mean(axis=1))

    known = champion is not None and any(each.name == feature.name for each in champion.schema.features)
    theirs = curve(champion) if champion is not None and known and champion.takes(repeated) else None
    levels = bool(feature.levels)
    return Dependence(feature=feature.name, values=grid, outputs=curve(challenger), champion=theirs, levels=levels)


def _grid(feature: Feature, column: pd.Series[Any]) -> tuple[Value, ...]:
    """Up to 20 values that occur: levels in the schema's order, the most frequent of many; quantiles of numbers."""
    present = column.dropna()
    if feature.kind == "category":
        frequent = set(present.value_counts().index[:GRID])
        return tuple(level for level in feature.levels if level in frequent)
    if feature.kind == "boolean":
        return tuple(sorted({bool(value) for value in present}))
    distinct = np.unique(present.to_numpy(dtype=np.float64))
    if len(distinct) > GRID:
        distinct = np.unique(
            np.quantile(present.to_numpy(dtype=np.float64), np.linspace(0.05, 0.95, GRID), method="nearest")
        )
    return tuple(int(value) if feature.kind == "integer" else float(value) for value in distinct)


def _parts(
    model: Model, rows: Sequence[Mapping[str, Value]], background: pd.DataFrame, seed: int
) -> list[dict[str, float]] | None:
    """SHAP values by feature, per row; None where the model does not take them."""
    names = [feature.name for feature in model.schema.features]
    if not rows or not model.takes(background):
        return None
    if not all(
        feature.name in row and feature.accepts(row[feature.name]) for row in rows for feature in model.schema.features
    ):
        return None
    values = attribute(model.schema, model.predict, frame_of(model.schema, rows), background, seed=seed).values
    return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def _drivers(
    row: Mapping[str, Value],
    ours: Mapping[str, float],
    theirs: Mapping[str, float] | None,
    kept_back: Collection[str],
) -> tuple[Driver, ...]:
    names = [*ours, *(name for name in theirs or () if name not in ours)]
    found = [
        Driver(
            feature=name,
            value=None if name in kept_back else row[name],
            challenger=_short(ours.get(name, 0.0)),
            champion=None if theirs is None else _short(theirs.get(name, 0.0)),
            withheld=name in kept_back,
        )
        for name in names
    ]
    apart = [each for each in found if each.challenger != (each.champion or 0.0)]
    return tuple(sorted(apart, key=lambda each: -abs(each.challenger - (each.champion or 0.0)))[:DRIVERS])


def _short(value: float) -> float:
    """As many digits as a picture or a table can show."""
    return float(f"{value:.{PICTURE_DIGITS}g}")
