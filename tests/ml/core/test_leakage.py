"""A feature that gives the target away is found whatever its kind, scale, direction or tails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.core.leakage import strongest_single_feature
from ml.problem import Problem
from service.predictor import Vector
from service.schema import Feature, Task
from tests.support.problems import make_problem


def noise_frame(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(size=rows)),
            "region": rng.choice(np.array(["north", "south", "west", None], dtype=object), rows),
            "insured": rng.random(rows) < 0.5,
        }
    )


def rare_target(rows: int, rate: float, seed: int) -> Vector:
    return (np.random.default_rng(seed).permutation(rows) < max(2, int(rate * rows))).astype(float)


@given(seed=st.integers(0, 10**6), rate=st.floats(0.005, 0.995), flip=st.booleans())
def test_a_copy_of_a_binary_target_in_a_number_scores_one(seed: int, rate: float, flip: bool) -> None:
    y = rare_target(1000, min(rate, 0.995), seed)
    frame = noise_frame(1000, seed).assign(income=1.0 - y if flip else y)
    leak = strongest_single_feature(frame, y, make_problem())
    assert leak.feature == "income"
    assert leak.score == pytest.approx(1.0)


def test_a_copy_of_a_binary_target_in_a_category_a_flag_or_a_missing_value_scores_one() -> None:
    y = rare_target(1000, 0.2, seed=1)
    frame = noise_frame(1000, seed=1)
    copies = {
        "region": pd.Categorical(np.where(y == 1, "south", "west"), categories=["north", "south", "west"]),
        "insured": y == 0,
        "income": np.where(y == 1, np.nan, frame["income"].fillna(1.0)),
    }
    for name, copy in copies.items():
        leak = strongest_single_feature(frame.assign(**{name: copy}), y, make_problem())
        assert leak.feature == name
        assert leak.score == pytest.approx(1.0)


def test_a_number_that_is_high_or_low_for_positives_is_found_without_a_direction() -> None:
    rng = np.random.default_rng(2)
    y = rare_target(4000, 0.5, seed=2)
    far = rng.choice([-10.0, 10.0], 4000) + rng.normal(size=4000)
    leak = strongest_single_feature(
        noise_frame(4000, 2).assign(income=np.where(y == 1, far, rng.normal(size=4000))), y, make_problem()
    )
    assert leak.feature == "income"
    assert leak.score > 0.97


@pytest.mark.parametrize(
    "disguise",
    [lambda y: y, lambda y: -3.0 * y + 7.0, np.log, lambda y: np.round(y, 1)],
    ids=["copy", "scaled", "log", "rounded"],
)
@pytest.mark.parametrize("rows", [200, 5000])
def test_a_copy_of_a_heavy_tailed_number_is_found_in_every_disguise(
    disguise: Callable[[Vector], Vector], rows: int
) -> None:
    y = np.random.default_rng(3).lognormal(sigma=1.0, size=rows)
    leak = strongest_single_feature(noise_frame(rows, 3).assign(income=disguise(y)), y, make_problem("regression"))
    assert leak.feature == "income"
    assert leak.score > 0.97


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_noise_is_near_chance_and_far_from_a_leak(task: Task) -> None:
    chance = 0.5 if task == "binary" else 0.0
    for seed in range(20):
        y = rare_target(200, 0.1, seed) if task == "binary" else np.random.default_rng(seed).lognormal(size=200)
        assert strongest_single_feature(noise_frame(200, seed + 100), y, make_problem(task)).score < chance + 0.35


def test_an_honest_strong_feature_keeps_its_own_score() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=20_000)
    y = x + rng.normal(size=20_000)
    leak = strongest_single_feature(noise_frame(20_000, 4).assign(income=x), y, make_problem("regression"))
    assert leak.score == pytest.approx(0.5, abs=0.02)


def test_the_finding_is_the_same_every_time_and_does_not_depend_on_the_target_being_sorted() -> None:
    y = np.sort(rare_target(500, 0.3, seed=5))
    frame = noise_frame(500, 5).assign(income=y)
    assert strongest_single_feature(frame, y, make_problem()) == strongest_single_feature(frame, y, make_problem())
    assert strongest_single_feature(frame, y, make_problem()).score == pytest.approx(1.0)


@given(rows=st.integers(2, 12), seed=st.integers(0, 1000), task=st.sampled_from(["binary", "regression"]))
def test_a_handful_of_rows_gives_a_finite_score(rows: int, seed: int, task: Task) -> None:
    y = (np.arange(rows) % 2).astype(float)
    assert np.isfinite(strongest_single_feature(noise_frame(rows, seed), y, make_problem(task)).score)


def test_a_column_without_any_value_is_harmless_and_a_constant_target_is_refused() -> None:
    nothing = Feature(name="empty", kind="number", minimum=0, maximum=1, nullable=True)
    problem: Problem = make_problem(features=(nothing,))
    frame = pd.DataFrame({"empty": np.full(100, np.nan)})
    assert strongest_single_feature(frame, rare_target(100, 0.3, 6), problem).score == pytest.approx(0.5)
    with pytest.raises(ValueError, match="one value only"):
        strongest_single_feature(frame, np.zeros(100), problem)
