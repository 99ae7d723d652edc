"""Rows set aside within training: always the same ones, never judged by a model that has seen them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.core.bootstrap import resample
from ml.core.frame import KEY, TARGET
from ml.core.pipeline import fit, outputs
from ml.core.splitting import in_holdout
from ml.core.validation import OUTPUT, answers, conformal_interval, set_aside, validate
from ml.errors import UserError
from ml.problem import ModelSpec, Problem, Split
from service.schema import Task
from tests.support.models import EVERY_KIND
from tests.support.problems import make_problem
from tests.support.tables import clean_frame

KEYS = np.random.default_rng(0).integers(0, 2**64, size=100_000, dtype=np.uint64)
BOOSTING = ModelSpec(family="gradient_boosting", categories="target_mean", parameters={"max_iter": 30})


def regression(coverage: float = 0.9) -> Problem:
    calibration = {"coverage": coverage, "tolerance": 0.03}
    return make_problem("regression", features=EVERY_KIND, model=BOOSTING, calibration=calibration)


@cache
def rows(task: Task, count: int = 2_000) -> pd.DataFrame:
    return clean_frame(make_problem(task, features=EVERY_KIND), count)


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60), st.integers(0, 2**32))
def test_a_row_stays_set_aside_whatever_rows_stand_beside_it(keys: list[int], seed: int) -> None:
    together = set_aside(np.array(keys, dtype=np.uint64), seed)
    assert together.tolist() == [bool(set_aside(np.array([key], dtype=np.uint64), seed)[0]) for key in keys]


@pytest.mark.parametrize("seed", [0, 1, 99])
@pytest.mark.parametrize("holdout", [0.2, 0.5])
def test_a_fifth_is_set_aside_on_either_side_of_the_holdouts_split(seed: int, holdout: float) -> None:
    aside, held = set_aside(KEYS, seed), in_holdout(KEYS, Split(holdout=holdout, seed=seed))
    for side in (held, ~held):
        assert aside[side].mean() == pytest.approx(0.2, abs=0.01)


def test_another_seed_sets_other_rows_aside() -> None:
    both = set_aside(KEYS, 0) & set_aside(KEYS, 1)
    assert both.mean() == pytest.approx(0.04, abs=0.005)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_answers_are_of_a_model_that_has_not_seen_the_rows(task: Task) -> None:
    problem, train = make_problem(task, features=EVERY_KIND, model=BOOSTING), rows(task)
    aside = set_aside(train[KEY].to_numpy(), 0)
    told = answers(problem, train, 0)
    assert told[TARGET].tolist() == train.loc[aside, TARGET].tolist()
    theirs = outputs(fit(problem, train[~aside]), problem, train[aside])
    np.testing.assert_allclose(told[OUTPUT], theirs, rtol=1e-9)
    seen = outputs(fit(problem, train), problem, train[aside])
    assert np.abs(told[OUTPUT].to_numpy() - seen).max() > 1e-3


def test_the_record_holds_the_gates_metric_and_the_spread_of_its_resamples() -> None:
    problem, train = make_problem("binary", features=EVERY_KIND, model=BOOSTING), rows("binary")
    told = answers(problem, train, 0)
    validation = validate(problem, told, 0)
    assert validation is not None
    y, output = told[TARGET].to_numpy(), told[OUTPUT].to_numpy()
    many = resample(y, {"m": output}, ["roc_auc"], resamples=4_000, seed=5)
    assert (validation.metric, validation.rows) == ("roc_auc", len(told))
    assert validation.value == pytest.approx(many.points["m"]["roc_auc"], rel=1e-6)
    assert validation.standard_error == pytest.approx(many.values["m"]["roc_auc"].std(), rel=0.2)
    assert (validation.coverage, validation.low, validation.high) == (None, None, None)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_a_regressions_interval_holds_new_rows_as_often_as_it_says(coverage: float) -> None:
    problem, frame = regression(coverage), rows("regression", 8_000)
    train, fresh = frame.iloc[:4_000], frame.iloc[4_000:]
    validation = validate(problem, answers(problem, train, 0), 0)
    assert validation is not None
    assert validation.low is not None
    assert validation.high is not None
    aside = set_aside(train[KEY].to_numpy(), 0)
    residuals = fresh[TARGET].to_numpy() - outputs(fit(problem, train[~aside]), problem, fresh)
    held = np.mean((validation.low <= residuals) & (residuals <= validation.high))
    assert held == pytest.approx(coverage, abs=0.04)


@pytest.mark.parametrize("count", [19, 20, 57, 200])
def test_an_interval_is_exact_for_any_distribution_when_it_is_drawn_again_and_again(count: int) -> None:
    """Its coverage over all draws lies between what is promised and that plus 2 / (rows + 1)."""
    rng = np.random.default_rng(count)
    held = []
    for _ in range(4_000):
        *calibration, new = rng.lognormal(size=count + 1)
        bounds = conformal_interval(np.array(calibration), 0.9)
        assert bounds is not None
        held.append(bounds[0] <= new <= bounds[1])
    assert 0.9 - 0.015 <= np.mean(held) <= 0.9 + 2 / (count + 1) + 0.015


def test_too_few_rows_for_the_coverage_give_no_interval() -> None:
    assert conformal_interval(np.arange(18.0), 0.9) is None
    assert conformal_interval(np.arange(19.0), 0.9) == (0.0, 18.0)


def test_without_an_interval_the_metric_is_still_told() -> None:
    problem = regression(0.999)
    validation = validate(problem, answers(problem, rows("regression"), 0), 0)
    assert validation is not None
    assert (validation.coverage, validation.low) == (None, None)


def test_last_digits_of_outputs_do_not_reach_the_record() -> None:
    """As another CPU would give them."""
    problem = regression()
    told = answers(problem, rows("regression"), 0)
    noise = 1.0 + np.random.default_rng(1).choice([-2e-15, 2e-15], size=len(told))
    assert validate(problem, told.assign(**{OUTPUT: told[OUTPUT] * noise}), 0) == validate(problem, told, 0)


def test_a_small_table_is_refused_in_a_sentence() -> None:
    problem = make_problem(features=EVERY_KIND, model=BOOSTING)
    with pytest.raises(UserError, match=r"^\d+ of 100 training rows would be set aside; 50 are needed$"):
        answers(problem, rows("binary").head(100), 0)


def test_one_target_value_in_a_part_is_refused_in_a_sentence() -> None:
    problem, train = make_problem(features=EVERY_KIND, model=BOOSTING), rows("binary").copy()
    train[TARGET] = np.where(set_aside(train[KEY].to_numpy(), 0), 1.0, train[TARGET])
    with pytest.raises(UserError, match="the target varies in both parts"):
        answers(problem, train, 0)


def test_no_answers_are_no_validation() -> None:
    assert validate(make_problem(), pd.DataFrame({TARGET: [], OUTPUT: []}, dtype="float64"), 0) is None
