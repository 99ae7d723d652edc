"""Slices are tested one by one and corrected together; what cannot be tested says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from ml.core.bootstrap import Gain
from ml.core.metrics import point_value
from ml.core.record import SliceGain
from ml.core.slice_gains import corrected, harm_p_value, slice_gains
from ml.problem import Cut
from service.predictor import logistic_vector
from tests.support.judging import make_holdout
from tests.support.problems import make_problem

POLICY: dict[str, Any] = {"minimum_rows": 100, "maximum_harm": 0.02}


def gain(value: float, standard_error: float) -> Gain:
    bounds = {"low": value - standard_error, "high": value + standard_error}
    rest = {"confidence": 0.95, "probability_of_gain": 0.5, "redrawn": 0, "detectable": 2.49 * standard_error}
    return Gain.model_validate({"value": value, "standard_error": standard_error} | bounds | rest)


def a_slice(p_value: float | None) -> SliceGain:
    return SliceGain(feature="region", level="north", rows=1, p_value=p_value)


def test_p_values_are_corrected_as_benjamini_and_hochberg_do_by_hand() -> None:
    """Of m = 5: 0.01 * 5 / 1, 0.02 * 5 / 2, 0.03 * 5 / 3, 0.04 * 5 / 4, each at most the next larger one's."""
    found = corrected(tuple(map(a_slice, (0.9, 0.02, 0.01, None, 0.03, 0.04))), confidence=0.95)
    adjusted = [each.adjusted for each in found]
    assert adjusted == [pytest.approx(0.9), *[pytest.approx(0.05)] * 2, None, *[pytest.approx(0.05)] * 2]
    found = corrected(tuple(map(a_slice, (0.001, 0.02, 0.04))), confidence=0.95)
    assert [each.adjusted for each in found] == pytest.approx([0.003, 0.03, 0.04])
    harmed = [each.harmed for each in corrected(tuple(map(a_slice, (0.001, 0.04, 0.2))), confidence=0.95)]
    assert harmed == [True, False, False]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_a_correction_keeps_the_order_and_lowers_nothing(values: list[float]) -> None:
    adjusted = [each.adjusted or 0.0 for each in corrected(tuple(map(a_slice, values)), confidence=0.95)]
    assert all(after >= before * (1 - 1e-12) for before, after in zip(values, adjusted, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= -1e-15).all()


def test_a_p_value_is_that_of_a_harm_beyond_what_is_allowed() -> None:
    assert harm_p_value(gain(-0.02, 0.01), 0.02) == pytest.approx(0.5)
    assert harm_p_value(gain(-0.02 - 0.01 * 1.6449, 0.01), 0.02) == pytest.approx(0.05, abs=1e-4)
    assert harm_p_value(gain(0.1, 0.01), 0.02) == pytest.approx(norm.sf(-12))
    assert harm_p_value(gain(-0.03, 0.0), 0.02) == 0.0
    assert harm_p_value(gain(0.0, 0.0), 0.0) == 1.0


def test_a_slice_has_both_models_values_its_paired_gain_and_what_it_could_have_shown() -> None:
    frame, score = make_holdout(1500)
    y = frame["_target"].to_numpy()
    outputs = {"challenger": logistic_vector(score), "champion": logistic_vector(score * np.sign(frame["age"] - 40))}
    problem = make_problem(slices=("region",), slice_policy=POLICY)
    found = slice_gains(problem, frame, y, outputs, resamples=200, seed=0)
    assert [each.level for each in found] == ["north", "south", "west"]
    south = found[1]
    inside = (frame["region"] == "south").to_numpy()
    assert south.rows == inside.sum()
    assert south.challenger == point_value("roc_auc", y[inside], outputs["challenger"][inside])
    assert south.champion == point_value("roc_auc", y[inside], outputs["champion"][inside])
    assert south.gain is not None
    assert south.gain.value == pytest.approx(south.challenger - south.champion)
    assert south.gain.detectable == pytest.approx((1.6449 + 0.8416) * south.gain.standard_error, rel=1e-4)


def test_a_slice_that_is_too_small_or_of_one_class_has_a_reason_and_no_number() -> None:
    frame, score = make_holdout(1000)
    frame["region"] = np.where(np.arange(1000) < 99, "south", np.where(np.arange(1000) < 300, "west", "north"))
    frame.loc[frame["region"] == "west", "_target"] = 0.0
    problem = make_problem(slices=("region",), slice_policy=POLICY)
    outputs = {"challenger": logistic_vector(score), "champion": logistic_vector(-score)}
    found = slice_gains(problem, frame, frame["_target"].to_numpy(), outputs, resamples=50, seed=0)
    by_level = {each.level: each for each in found}
    assert by_level["south"].reason == "fewer than 100 rows"
    assert by_level["west"].reason == "the target has one value only"
    for level in ("south", "west"):
        assert (by_level[level].gain, by_level[level].challenger, by_level[level].p_value) == (None, None, None)
    assert by_level["north"].adjusted == by_level["north"].p_value


def test_edges_cut_a_number_where_the_problem_says_and_missing_values_are_a_slice() -> None:
    frame, score = make_holdout(1500)
    frame.loc[:200, "income"] = np.nan
    problem = make_problem(slices=(Cut(feature="income", edges=(1.0, 2.0)),), slice_policy=POLICY)
    found = slice_gains(problem, frame, frame["_target"].to_numpy(), {"challenger": score}, resamples=50, seed=0)
    assert [each.level for each in found] == ["below 1", "1 to below 2", "2 and above", "missing"]
    assert sum(each.rows for each in found) == 1500
    assert all(each.challenger is not None and each.gain is None for each in found)


def test_chance_alone_harms_no_slice_more_often_than_the_confidence_allows() -> None:
    """Eight slices of twin models, none of which may lose anything: single tests would fail a third of the times."""
    cut = Cut(feature="income", edges=tuple(np.arange(1, 8) / 8))
    problem = make_problem(slices=(cut,), slice_policy={"minimum_rows": 50, "maximum_harm": 0.0})
    harmed = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y = (rng.random(800) < 0.5).astype(float)
        outputs = {name: y + rng.normal(size=800) for name in ("challenger", "champion")}
        frame = pd.DataFrame({"income": rng.random(800)})
        harmed += any(each.harmed for each in slice_gains(problem, frame, y, outputs, resamples=100, seed=seed))
    assert harmed <= binom.ppf(0.999, 30, 0.05)
