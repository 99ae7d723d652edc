"""SHAP values add up to what is served, for every kind of model and feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.core.frame import columns_of
from ml.core.shapley import Predict, attribute
from service.schema import Feature
from tests.support.models import fitted
from tests.support.problems import make_problem

SEED = 4


def weighted(**weights: float) -> Predict:
    """A sum of features, so that a feature's part is its weight times its distance from the mean."""
    return lambda columns: np.sum(
        [weight * np.asarray(columns[name], dtype=np.float64) for name, weight in weights.items()], axis=0
    )


def numbers(*names: str) -> tuple[Feature, ...]:
    return tuple(Feature(name=name, kind="number", minimum=-10, maximum=10, example=0.0) for name in names)


@pytest.mark.parametrize(
    ("family", "categories", "task"),
    [
        ("linear", "one_hot", "binary"),
        ("random_forest", "target_mean", "regression"),
        ("gradient_boosting", "ordinal", "binary"),
        ("gradient_boosting", "one_hot", "regression"),
    ],
)
def test_parts_and_base_add_up_to_the_serving_predictor_s_output_whatever_the_features(
    family: str, categories: str, task: Any
) -> None:
    made = fitted(family, categories, task)
    rows, background = made.rows.head(30), made.rows.tail(25)
    found = attribute(made.problem.schema_, made.predictor.many, rows, background, seed=SEED)
    outputs = made.predictor.many(columns_of(made.problem, rows))
    assert found.base + found.values.sum(axis=1) == pytest.approx(outputs, abs=1e-9)
    assert found.base == pytest.approx(made.predictor.many(columns_of(made.problem, background)).mean(), abs=1e-12)
    assert {feature.kind for feature in made.problem.features} == {"integer", "number", "category", "boolean"}
    assert rows.isna().any().any()


def test_a_part_is_the_weight_times_the_distance_from_the_background_s_mean() -> None:
    problem = make_problem("regression", features=numbers("a", "b", "idle"))
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "idle"])
    found = attribute(problem.schema_, weighted(a=3.0, b=-1.0), rows, rows, seed=SEED)
    assert found.values[:, 0] == pytest.approx(3.0 * (rows["a"] - rows["a"].mean()))
    assert found.values[:, 1] == pytest.approx(-1.0 * (rows["b"] - rows["b"].mean()))
    assert found.values[:, 2] == pytest.approx(0.0, abs=1e-12)


def test_values_that_are_nearly_equal_are_told_apart() -> None:
    problem = make_problem("regression", features=numbers("a"))
    rows = pd.DataFrame({"a": [5.0, 5.0 + 1e-6]})
    found = attribute(problem.schema_, weighted(a=1e6), rows.tail(1), rows.head(1), seed=SEED)
    assert found.values[0, 0] == pytest.approx(1.0)


def test_frames_of_two_schemas_may_hold_one_feature_in_different_types() -> None:
    flag = Feature(name="flag", kind="boolean", nullable=True, example=None)
    problem = make_problem("regression", features=(*numbers("a"), flag))

    def predict(columns: Any) -> Any:
        flags = np.asarray(columns["flag"], dtype=np.float64)
        return np.asarray(columns["a"], dtype=np.float64) + 10.0 * np.where(np.isnan(flags), 5.0, flags)

    rows = pd.DataFrame({"a": [1, 2], "flag": [True, False]})
    background = pd.DataFrame({"a": [1.0, 3.0, 2.5], "flag": [0.0, 1.0, np.nan]})
    found = attribute(problem.schema_, predict, rows, background, seed=SEED)
    assert found.base == pytest.approx((1.0 + 3.0 + 2.5) / 3 + 20.0)
    assert found.values[:, 1] == pytest.approx([10.0 - 20.0, 0.0 - 20.0])
    assert found.base + found.values.sum(axis=1) == pytest.approx([11.0, 2.0])
