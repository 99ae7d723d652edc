"""Intervals cover what they promise, pairs share their rows, and equal seeds give equal numbers."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import roc_auc_score

from ml.core.bootstrap import Gain, expanded_tail, metric_intervals, resample, resampled_counts
from ml.core.metrics import CALIBRATION_ERROR
from ml.gate import METRICS
from service.predictor import Vector


def binary_rows(rows: int, seed: int) -> tuple[Vector, Vector]:
    rng = np.random.default_rng(seed)
    output = rng.random(rows)
    return (rng.random(rows) < output).astype(float), output


def paired_gain(
    y: Vector, champion: Vector, challenger: Vector, metric: str, *, resamples: int, confidence: float, seed: int
) -> Gain:
    resampled = resample(y, {"champion": champion, "challenger": challenger}, [metric], resamples=resamples, seed=seed)
    return resampled.gain("champion", "challenger", metric, confidence)


@given(rows=st.integers(2, 50), resamples=st.integers(1, 30), seed=st.integers(0, 2**32), ones=st.integers(1, 49))
def test_a_resample_draws_as_many_rows_as_there_are_and_always_two_target_values(
    rows: int, resamples: int, seed: int, ones: int
) -> None:
    y = (np.arange(rows) < min(ones, rows - 1)).astype(float)
    weights = np.concatenate([chunk for chunk, _ in resampled_counts(y, resamples=resamples, seed=seed)])
    assert weights.shape == (resamples, rows)
    assert (weights.sum(axis=1) == rows).all()
    positives = weights @ y
    assert ((positives > 0) & (positives < rows)).all()


def test_resampled_values_are_those_of_scikit_learn_on_the_repeated_rows() -> None:
    y, output = binary_rows(80, seed=1)
    ours = resample(y, {"m": output.round(1)}, ["roc_auc"], resamples=20, seed=5).values["m"]["roc_auc"]
    weights = np.concatenate([chunk for chunk, _ in resampled_counts(y, resamples=20, seed=5)]).astype(int)
    repeated = [roc_auc_score(np.repeat(y, row), np.repeat(output.round(1), row)) for row in weights]
    np.testing.assert_allclose(ours, repeated, rtol=1e-12)


def test_resamples_with_one_class_are_redrawn_and_counted() -> None:
    y, output = np.array([1.0, *[0.0] * 9]), np.linspace(0.9, 0.1, 10)
    gain = paired_gain(y, output, output[::-1], "roc_auc", resamples=1000, confidence=0.95, seed=0)
    chance = 0.9**10
    expected = 1000 * chance / (1 - chance)
    assert 0.8 * expected < gain.redrawn < 1.2 * expected
    assert np.isfinite([gain.value, gain.low, gain.high]).all()


@pytest.mark.parametrize("name", METRICS["binary"])
def test_intervals_are_ordered_and_deterministic_for_a_seed(name: str) -> None:
    y, output = binary_rows(300, seed=2)
    first, again, other = (
        metric_intervals(y, output, [name], resamples=200, confidence=0.9, seed=seed)[name] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert first.low < first.value < first.high


def test_the_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=4000)
    y = rng.normal(size=4000)
    found = metric_intervals(y, y + errors, ["mae"], resamples=2000, confidence=0.95, seed=0)["mae"]
    standard_error = np.abs(errors).std() / np.sqrt(4000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """The expected Brier score of a calibrated uniform probability is E[p(1-p)] = 1/6."""
    covered = 0
    for seed in range(200):
        y, output = binary_rows(300, seed)
        found = metric_intervals(y, output, ["brier"], resamples=300, confidence=0.9, seed=seed)["brier"]
        covered += found.low <= 1 / 6 <= found.high
    assert binomtest(covered, 200, 0.9).pvalue > 1e-4


@pytest.mark.parametrize(("metric", "task"), [("roc_auc", "binary"), ("log_loss", "binary"), ("rmse", "regression")])
def test_a_gain_is_positive_when_the_challenger_is_better_whichever_way_the_metric_points(
    metric: str, task: str
) -> None:
    y, good = binary_rows(800, seed=3)
    bad = np.clip(good + np.random.default_rng(4).normal(scale=0.3, size=800), 0.01, 0.99)
    better = paired_gain(y, bad, good, metric, resamples=300, confidence=0.95, seed=0)
    worse = paired_gain(y, good, bad, metric, resamples=300, confidence=0.95, seed=0)
    assert 0 < better.low < better.value < better.high
    assert better.probability_of_gain > 0.99
    assert (worse.value, worse.low) == pytest.approx((-better.value, -better.high))


def test_pairing_cancels_the_luck_of_the_rows() -> None:
    """Two nearly equal models: the paired gain is far narrower than either model's own interval."""
    y, output = binary_rows(1000, seed=5)
    nudged = np.clip(output + np.random.default_rng(6).normal(scale=0.01, size=1000), 0, 1)
    gain = paired_gain(y, output, nudged, "roc_auc", resamples=500, confidence=0.95, seed=0)
    own = metric_intervals(y, output, ["roc_auc"], resamples=500, confidence=0.9, seed=0)["roc_auc"]
    assert gain.high - gain.low < 0.2 * (own.high - own.low)


def test_a_model_against_itself_gains_exactly_nothing() -> None:
    y, output = binary_rows(100, seed=7)
    gain = paired_gain(y, output, output.copy(), "average_precision", resamples=100, confidence=0.95, seed=0)
    assert (gain.value, gain.low, gain.high, gain.probability_of_gain) == (0.0, 0.0, 0.0, 0.0)


def test_a_constant_target_or_an_output_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one value only"):
        metric_intervals(np.zeros(5), np.zeros(5), ["brier"], resamples=10, confidence=0.9, seed=0)
    with pytest.raises(ValueError, match="one value for each row"):
        metric_intervals(np.arange(5.0), np.zeros(4), ["mae"], resamples=10, confidence=0.9, seed=0)


def test_a_hundred_thousand_rows_fit_in_bounded_memory() -> None:
    """All counts of two hundred resamples at once would be 80 MB; chunks of them are held by each thread."""
    y, output = binary_rows(100_000, seed=8)
    tracemalloc.start()
    try:
        resample(y, {"a": output, "b": 1.0 - output}, METRICS["binary"], resamples=200, seed=0, threads=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60e6


@pytest.mark.parametrize("rows", [40, 3_000])
def test_values_are_the_same_to_the_last_bit_whatever_the_number_of_threads(rows: int) -> None:
    y, output = binary_rows(rows, seed=9)
    one, three = (
        resample(y, {"m": output}, [*METRICS["binary"], CALIBRATION_ERROR], resamples=500, seed=3, threads=threads)
        for threads in (1, 3)
    )
    assert one.redrawn == three.redrawn
    for name, values in one.values["m"].items():
        assert values.tobytes() == three.values["m"][name].tobytes(), name


@pytest.mark.parametrize(
    ("tail", "rows", "expected"),
    [(0.025, 10, 0.0086), (0.025, 20, 0.0159), (0.025, 40, 0.0203), (0.025, 100, 0.0231)],
)
def test_the_expanded_tail_is_that_of_hesterberg_s_table(tail: float, rows: int, expected: float) -> None:
    assert expanded_tail(tail, rows) == pytest.approx(expected, abs=5e-5)


def test_on_five_rows_luck_passes_no_more_often_than_the_confidence_allows() -> None:
    """The plain percentile bound passes 11 % of such twins: Student's t beyond 1.645 * sqrt(4 / 5)."""
    rng = np.random.default_rng(0)
    passed = 0
    for seed in range(400):
        y = rng.normal(size=5)
        twin = y + 1.0 + rng.normal(scale=0.1, size=5)
        passed += paired_gain(y, y + 1.0, twin, "mae", resamples=400, confidence=0.95, seed=seed).low > 0.0
    assert 0 < passed <= binom.ppf(0.999, 400, 0.05)


def test_a_target_of_two_values_rests_on_the_rarer_one() -> None:
    y = (np.arange(100) < 7).astype(float)
    resampled = resample(y, {"m": y}, ["brier"], resamples=5, seed=0)
    assert resampled.rows == 7
    assert resample(np.arange(100.0), {"m": y}, ["mae"], resamples=5, seed=0).rows == 100


def test_a_detectable_gain_is_found_in_four_of_five_cases() -> None:
    """A true gain of the size that the rows are said to show has its lower bound above zero in 80 % of draws."""
    rng = np.random.default_rng(0)
    found, rows, spread = 0, 400, 0.2
    size = (1.6449 + 0.8416) * spread / np.sqrt(rows)
    stated = []
    for seed in range(300):
        y = rng.normal(size=rows)
        # The champion's error is one; the challenger's is smaller by the gain and varies.
        better = y + 1.0 - size + rng.normal(scale=spread, size=rows)
        gain = paired_gain(y, y + 1.0, better, "mae", resamples=300, confidence=0.95, seed=seed)
        stated.append(gain.detectable)
        found += gain.low > 0.0
    assert np.mean(stated) == pytest.approx(size, rel=0.05)
    assert binomtest(found, 300, 0.8).pvalue > 1e-3
