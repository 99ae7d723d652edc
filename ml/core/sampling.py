"""Rows drawn from a schema: to prove an export on millions of them, and to stand in where no data is given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.core.frame import typed
from ml.problem import Problem
from service.schema import Feature, Value

MISSING_RATE = 0.05


def sample(
    problem: Problem, count: int, rng: np.random.Generator, thresholds: Mapping[str, Sequence[float]] | None = None
) -> pd.DataFrame:
    """Feature columns of `count` valid rows.

    Half of a number feature's values are uniform within its bounds; where thresholds are given, the other half
    lie on one of them or on the next value to either side (float64, or integer), where an inexact export takes
    another path.
    """
    chosen = thresholds or {}
    return pd.DataFrame({f.name: _draw(f, count, rng, chosen.get(f.name, ())) for f in problem.features})


def synthetic(problem: Problem, count: int, seed: int) -> pd.DataFrame:
    """A raw table of texts under the problem's names: features, a key from 1 up, and a target with some signal.

    The target follows a logistic model whose weights are drawn from the seed: a standardised latent score times
    `signal`, shifted to about the problem's positive rate.
    """
    spec = problem.synthetic
    assert spec is not None
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(spec.seed)
    features = sample(problem, count, rng)
    score = np.zeros(count)
    for feature in problem.features:
        score += _effect(feature, features[feature.name], weights)
    score = (score - score.mean()) / score.std() * spec.signal
    probability = 1.0 / (1.0 + np.exp(-(score - np.quantile(score, 1.0 - spec.positive_rate))))
    table = features.map(lambda value: None if value is None or value != value else str(value))
    for name in problem.columns.key:
        if name not in table:
            table[name] = np.arange(1, count + 1).astype(str)
    table[problem.target.column] = (rng.random(count) < probability).astype(int).astype(str)
    return table


def edge_rows(problem: Problem) -> list[dict[str, Value]]:
    """The example varied one feature at a time: each bound, each level, a missing value where one is allowed."""
    example = problem.schema_.example
    rows = [example]
    for feature in problem.features:
        rows += [example | {feature.name: value} for value in _edges(feature) if value != feature.example]
    return rows


def _edges(feature: Feature) -> list[Value]:
    missing: list[Value] = [None] if feature.nullable else []
    if feature.kind == "category":
        return [*feature.levels, *missing]
    if feature.kind == "boolean":
        return [False, True, *missing]
    assert feature.minimum is not None
    assert feature.maximum is not None
    bounds: list[Value] = [feature.minimum, feature.maximum]
    return [*(_whole_bounds(feature) if feature.kind == "integer" else bounds), *missing]


def _draw(feature: Feature, count: int, rng: np.random.Generator, thresholds: Sequence[float]) -> pd.Series[Any]:
    values: pd.Series[Any]
    if feature.kind == "category":
        values = pd.Series(np.array(feature.levels, dtype=object)[rng.integers(len(feature.levels), size=count)])
    elif feature.kind == "boolean":
        values = pd.Series(rng.random(count) < 0.5).astype(object)
    else:
        values = pd.Series(_numbers(feature, count, rng, thresholds)).astype(object)
    if feature.nullable:
        values = values.where(rng.random(count) >= MISSING_RATE, None)
    return typed(feature, values)


def _numbers(
    feature: Feature, count: int, rng: np.random.Generator, thresholds: Sequence[float]
) -> npt.NDArray[np.float64]:
    low, high = feature.minimum, feature.maximum
    assert low is not None
    assert high is not None
    if feature.kind == "integer":
        low, high = _whole_bounds(feature)
        values = rng.integers(low, high, size=count, endpoint=True).astype(np.float64)
    else:
        values = rng.uniform(low, high, count)
    if len(thresholds):
        on = np.asarray(thresholds)[rng.integers(len(thresholds), size=count)]
        side = rng.choice(np.array([-np.inf, np.inf]), count)
        if feature.kind == "integer":
            near = np.where(side < 0, np.floor(on), np.ceil(on))
        else:
            near = np.where(rng.random(count) < 1 / 3, on, np.nextafter(on, side))
        values = np.where(rng.random(count) < 0.5, values, np.clip(near, low, high))
    return values


def _whole_bounds(feature: Feature) -> tuple[int, int]:
    """The integers at the bounds, which a problem file may give as fractions."""
    assert feature.minimum is not None
    assert feature.maximum is not None
    return math.ceil(feature.minimum), math.floor(feature.maximum)


def _effect(feature: Feature, column: pd.Series[Any], weights: np.random.Generator) -> npt.NDArray[np.float64]:
    """A feature's part in the latent score, of unit spread: a slope for numbers, a step per level for categories."""
    if feature.kind == "category":
        steps = dict(zip(feature.levels, weights.normal(size=len(feature.levels)), strict=True))
        effect = np.array([steps.get(value, 0.0) for value in column.tolist()])
    else:
        effect = column.astype("float64").fillna(column.astype("float64").mean()).to_numpy() * weights.choice(
            [-1.0, 1.0]
        )
    spread = effect.std()
    return effect if spread == 0 else (effect - effect.mean()) / spread * weights.uniform(0.5, 1.5)
