"""Drawn rows are valid, meet the thresholds, and depend on the seed alone."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml.core.cleaning import clean
from ml.core.frame import LINE, TARGET, rows_of
from ml.core.pipeline import fit, outputs
from ml.core.sampling import edge_rows, sample, synthetic
from ml.core.splitting import split_rows
from ml.problem import FileSource, Problem, Synthetic
from service.schema import Feature
from tests.support.problems import FEATURES, make_problem

EVERY_KIND = (
    *FEATURES,
    Feature(name="code", kind="category", levels=(3, 28, 7), example=28),
    Feature(name="flag", kind="boolean", nullable=True, example=None),
    Feature(name="count", kind="integer", minimum=0.5, maximum=9.5, nullable=True, example=4),
    Feature(name="fixed", kind="number", minimum=2.5, maximum=2.5, example=2.5),
)
PROBLEM = make_problem(features=EVERY_KIND, source=FileSource(kind="file", synthetic=Synthetic(positive_rate=0.3)))


def drawn(problem: Problem, count: int = 2_000, seed: int = 0, **thresholds: tuple[float, ...]) -> pd.DataFrame:
    return sample(problem, count, np.random.default_rng(seed), thresholds)


def test_every_drawn_row_is_one_that_the_schema_accepts() -> None:
    rows = rows_of(PROBLEM, drawn(PROBLEM, income=(0.5, -1e9, 1e9, math.inf), age=(17.5, 119.5), fixed=(2.5,)))
    for feature in PROBLEM.features:
        refused = [row[feature.name] for row in rows if not feature.accepts(row[feature.name])]
        assert refused == [], feature.name


def test_every_level_and_every_missing_value_is_met() -> None:
    frame = drawn(PROBLEM)
    assert set(frame["region"].dropna()) == {"north", "south", "west"}
    assert set(frame["code"]) == {3, 28, 7}
    assert set(frame["count"].dropna()) == set(range(1, 10))
    for feature in PROBLEM.features:
        assert frame[feature.name].isna().any() == feature.nullable


def test_thresholds_and_their_float64_neighbours_are_met() -> None:
    at = 1234.5678
    values = set(drawn(PROBLEM, income=(at,))["income"])
    assert {at, math.nextafter(at, math.inf), math.nextafter(at, -math.inf)} <= values


def test_integers_on_both_sides_of_a_threshold_are_met() -> None:
    wide = Feature(name="age", kind="integer", minimum=0, maximum=10**9, example=1)
    values = drawn(make_problem(features=(wide,)), age=(123_456.5,))["age"]
    assert {123_456, 123_457} <= set(values)
    assert values.nunique() > 500


def test_half_of_the_values_stay_away_from_the_thresholds() -> None:
    at = 1234.5678
    values = drawn(PROBLEM, income=(at,))["income"].dropna()
    assert (values - at).abs().gt(1e-6).mean() == pytest.approx(0.5, abs=0.05)


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    pd.testing.assert_frame_equal(drawn(PROBLEM, seed=3), drawn(PROBLEM, seed=3))
    assert not drawn(PROBLEM, seed=3).equals(drawn(PROBLEM, seed=4))


def test_edge_rows_vary_the_example_by_every_bound_level_and_missing_value() -> None:
    rows = edge_rows(PROBLEM)
    example = PROBLEM.schema_.example
    assert rows[0] == example
    assert all(sum(row[name] != example[name] for name in row) == 1 for row in rows[1:])
    edges = {feature.name: {row[feature.name] for row in rows} for feature in PROBLEM.features}
    assert edges == {
        "age": {40, 0, 120},
        "income": {1.0, -1e9, 1e9, None},
        "region": {"north", "south", "west", None},
        "insured": {True, False},
        "code": {3, 28, 7},
        "flag": {None, True, False},
        "count": {4, 1, 9, None},
        "fixed": {2.5},
    }
    assert all(feature.accepts(row[feature.name]) for row in rows for feature in PROBLEM.features)


def raw(count: int, seed: int = 7) -> pd.DataFrame:
    table = synthetic(PROBLEM, count, seed)
    table[LINE] = range(2, count + 2)
    return table


@pytest.mark.parametrize("count", [100, 777])
def test_a_synthetic_table_has_the_rows_asked_for_and_is_clean(count: int) -> None:
    cleaned = clean(raw(count), PROBLEM, "synthetic")
    assert (len(cleaned.rows), len(cleaned.quarantined), cleaned.excluded) == (count, 0, 0)


def test_a_synthetic_table_depends_on_its_seed_alone() -> None:
    pd.testing.assert_frame_equal(raw(300), raw(300))
    assert not raw(300, seed=7).equals(raw(300, seed=8))


def test_a_synthetic_target_is_about_as_rare_as_the_problem_says() -> None:
    assert clean(raw(4_000), PROBLEM, "synthetic").rows[TARGET].mean() == pytest.approx(0.3, abs=0.06)


def test_a_synthetic_table_can_be_learnt_from() -> None:
    train, holdout = split_rows(clean(raw(4_000), PROBLEM, "synthetic").rows, PROBLEM.split)
    score = outputs(fit(PROBLEM, train), PROBLEM, holdout)
    assert roc_auc_score(holdout[TARGET], score) > 0.8
