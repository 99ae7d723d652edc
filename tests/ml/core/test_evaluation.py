"""An evaluation's slices cover every row once, its curves are scikit-learn's, and what cannot be judged says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score

from ml.core.evaluation import Evaluation, Slice, evaluate
from ml.core.slices import groups
from service.predictor import Vector, logistic_vector
from service.schema import Feature
from tests.support.problems import FEATURES, make_problem

NUMBER = Feature(name="x", kind="number", minimum=-1e9, maximum=1e9, nullable=True)


def make_rows(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Vector]:
    """A holdout and calibrated probabilities for it; the category has one rare level and some missing values."""
    rng = np.random.default_rng(seed)
    output = logistic_vector(rng.normal(scale=1.5, size=rows))
    region = rng.choice(np.array(["north", "south", "west", None], dtype=object), rows, p=[0.6, 0.28, 0.02, 0.1])
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": np.where(rng.random(rows) < 0.2, np.nan, rng.lognormal(size=rows)),
            "region": pd.Categorical(region, categories=["north", "south", "west"]),
            "insured": rng.random(rows) < 0.5,
            "_target": (rng.random(rows) < output).astype(float),
        }
    )
    return frame, output


def by_level(evaluation: Evaluation, feature: str) -> dict[str, Slice]:
    return {found.level: found for found in evaluation.slices if found.feature == feature}


def test_every_metric_has_an_interval_around_its_value() -> None:
    frame, output = make_rows(1000)
    problem = make_problem()
    found = evaluate(problem, frame, output, resamples=200, seed=0)
    assert set(found.metrics) == set(problem.metrics)
    assert all(interval.low < interval.value < interval.high for interval in found.metrics.values())
    assert found.metrics["roc_auc"].value == pytest.approx(roc_auc_score(frame["_target"], output))
    assert found == evaluate(problem, frame, output, resamples=200, seed=0)
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_slices_name_levels_flags_quartiles_and_missing_values() -> None:
    frame, output = make_rows(1500)
    problem = make_problem(slices=("region", "insured", "age", "income"))
    found = evaluate(problem, frame, output, resamples=100, seed=0)
    assert list(by_level(found, "region")) == ["north", "south", "west", "missing"]
    assert list(by_level(found, "insured")) == ["False", "True"]
    ages = list(by_level(found, "age"))
    assert len(ages) == 4
    assert ages[0].startswith("18 to ")
    assert ages[-1].endswith(" to 89")
    assert list(by_level(found, "income"))[-1] == "missing"
    for name in (cut.feature for cut in problem.slices):
        assert sum(piece.rows for piece in by_level(found, name).values()) == 1500
    north = by_level(found, "region")["north"]
    mask = (frame["region"] == "north").to_numpy()
    assert north.value == pytest.approx(roc_auc_score(frame["_target"][mask], output[mask]))
    assert north.low is not None
    assert north.value is not None
    assert north.high is not None
    assert north.low < north.value < north.high


def test_a_slice_that_cannot_be_judged_is_listed_with_its_reason_and_no_value() -> None:
    frame, output = make_rows(1500)
    frame.loc[frame["region"] == "south", "_target"] = 0.0
    found = by_level(evaluate(make_problem(slices=("region",)), frame, output, resamples=50, seed=0), "region")
    assert found["west"].rows < 50
    assert (found["west"].value, found["west"].reason) == (None, "fewer than 50 rows")
    assert found["south"].rows >= 50
    assert (found["south"].value, found["south"].reason) == (None, "the target has one value only")
    assert (found["north"].value is None, found["north"].reason) == (False, "")


@given(values=st.lists(st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=60))
def test_the_groups_of_a_number_cover_every_row_exactly_once(values: list[float | None]) -> None:
    column = pd.Series(values, dtype="float64")
    masks = [mask for _, mask in groups(column, NUMBER)]
    assert (np.sum(masks, axis=0) == 1).all()
    assert all(mask.any() for mask in masks)
    assert len(masks) <= 5


def test_integer_levels_and_nullable_flags_are_grouped_by_value() -> None:
    region = Feature(name="r", kind="category", levels=(0, 1, 7), example=0)
    found = {level: int(mask.sum()) for level, mask in groups(pd.Series([0, 7, 7, 0, 0]), region)}
    assert found == {"0": 3, "1": 0, "7": 2}
    flags = pd.Series([True, None, False, True], dtype="boolean")
    assert {level: int(mask.sum()) for level, mask in groups(flags, FEATURES[3])} == {
        "False": 1, "True": 2, "missing": 1,
    }  # fmt: skip


def test_the_roc_curve_keeps_its_ends_and_its_area_when_thinned() -> None:
    frame, output = make_rows(5000)
    found = evaluate(make_problem(), frame, output, resamples=20, seed=0)
    across = [point.false_positive_rate for point in found.roc]
    up = [point.true_positive_rate for point in found.roc]
    assert (across[0], up[0], across[-1], up[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert len(found.roc) <= 200
    assert auc(across, up) == pytest.approx(found.metrics["roc_auc"].value, abs=0.002)


def test_calibration_bins_hold_a_tenth_each_and_follow_the_truth_of_a_calibrated_model() -> None:
    frame, output = make_rows(20_000)
    bins = evaluate(make_problem(), frame, output, resamples=5, seed=0).calibration
    assert [bin_.rows for bin_ in bins] == [2000] * 10
    assert all(abs(bin_.predicted - bin_.observed) < 0.05 for bin_ in bins)
    halved = evaluate(make_problem(), frame, output / 2, resamples=5, seed=0).calibration
    assert halved[-1].observed > 1.5 * halved[-1].predicted


def test_a_constant_prediction_has_one_calibration_bin() -> None:
    frame, _ = make_rows(500)
    found = evaluate(make_problem(), frame, np.full(500, 0.3), resamples=5, seed=0)
    assert [bin_.rows for bin_ in found.calibration] == [500]
    assert found.metrics["roc_auc"].value == 0.5


def test_a_regression_has_residuals_and_sampled_pairs_instead_of_curves() -> None:
    frame, output = make_rows(3000)
    found = evaluate(make_problem("regression", slices=("age",)), frame, output, resamples=50, seed=0)
    assert (found.roc, found.calibration) == ((), ())
    assert sum(bin_.rows for bin_ in found.residuals) == 3000
    residuals = frame["_target"].to_numpy() - output
    assert found.residuals[0].low == pytest.approx(residuals.min())
    assert found.residuals[-1].high == pytest.approx(residuals.max())
    assert len(found.pairs) == 1000
    known = set(zip(frame["_target"], output, strict=True))
    assert all((pair.actual, pair.predicted) in known for pair in found.pairs)


def test_a_holdout_with_one_class_is_refused() -> None:
    frame, output = make_rows(200)
    with pytest.raises(ValueError, match="one value only"):
        evaluate(make_problem(), frame.assign(_target=1.0), output, resamples=5, seed=0)
