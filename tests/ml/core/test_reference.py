"""The reference for drift counts every row once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.core.export import export
from ml.core.frame import columns_of, frame_of
from ml.core.pipeline import fit
from ml.core.reference import reference
from ml.problem import ModelSpec
from service.predictor import build_predictor
from service.schema import Feature, Task
from tests.support.problems import FEATURES, make_problem
from tests.support.tables import clean_frame

EVERY_KIND = (
    *FEATURES,
    Feature(name="code", kind="category", levels=(3, 28, 7), example=28),
    Feature(name="flag", kind="boolean", nullable=True, example=None),
)


def counted(histogram: dict[str, Any]) -> int:
    return int(sum(histogram["counts"]) + histogram.get("missing", 0))


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("count", [1, 2, 37, 1_000])
def test_counts_add_up_to_the_rows_for_every_feature_and_the_prediction(task: Task, count: int) -> None:
    problem = make_problem(task, features=EVERY_KIND)
    output = np.linspace(0.0, 1.0, count) if task == "binary" else np.random.default_rng(0).normal(size=count) * 1e6
    made = reference(problem, clean_frame(problem, count), output)
    assert made["rows"] == count
    assert made["features"].keys() == set(problem.feature_names)
    for histogram in [*made["features"].values(), made["prediction"]]:
        assert counted(histogram) == count
        assert len(histogram["counts"]) == len(histogram.get("levels", histogram.get("edges", [])[1:]))


def test_a_category_is_counted_by_level_with_those_that_nobody_has() -> None:
    problem = make_problem(features=EVERY_KIND)
    rows = [problem.schema_.example | {"region": region} for region in ("west", None, "west")]
    made = reference(problem, frame_of(problem, rows), np.array([0.1, 0.5, 0.9]))["features"]
    assert made["region"] == {"levels": ["north", "south", "west"], "counts": [0, 0, 2], "missing": 1}
    assert made["code"] == {"levels": [3, 28, 7], "counts": [0, 3, 0], "missing": 0}
    assert made["insured"] == {"levels": [False, True], "counts": [0, 3], "missing": 0}
    assert made["flag"] == {"levels": [False, True], "counts": [0, 0], "missing": 3}


def test_a_number_is_binned_by_its_quantiles() -> None:
    problem = make_problem()
    rows = [problem.schema_.example | {"income": float(value)} for value in range(1, 101)]
    income = reference(problem, frame_of(problem, rows), np.full(100, 0.5))["features"]["income"]
    assert income["counts"] == [10] * 10
    assert (income["edges"][0], income["edges"][-1]) == (1.0, 100.0)


def test_a_number_of_one_value_or_none_has_one_bin() -> None:
    problem = make_problem()
    rows = [problem.schema_.example | {"income": None} for _ in range(5)]
    features = reference(problem, frame_of(problem, rows), np.full(5, 0.5))["features"]
    assert features["age"] == {"edges": [40.0, 41.0], "counts": [5], "missing": 0}
    assert features["income"] == {"edges": [0.0, 1.0], "counts": [0], "missing": 5}


def test_a_forest_that_is_of_one_mind_stays_within_the_bins_of_a_probability() -> None:
    spec = ModelSpec(family="random_forest", categories="ordinal", parameters={"n_estimators": 100, "max_depth": 4})
    problem = make_problem(features=(FEATURES[0],), model=spec)
    frame = clean_frame(problem, 400)
    frame["_target"] = (frame["age"] > 60).astype(float)
    exported = export(fit(problem, frame), problem)
    output = build_predictor(problem.schema_, exported.program, exported.model).many(columns_of(problem, frame))
    assert output.max() == 1.0
    assert counted(reference(problem, frame, output)["prediction"]) == 400
