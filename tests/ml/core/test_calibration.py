"""A calibration error is the one that a person computes, and an interval's coverage is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from ml.core.binning import BINS, calibration_error, equal_mass, error_of_chance
from ml.core.bootstrap import resample
from ml.core.calibration import expected_error, interval_coverage, wilson
from ml.core.metrics import CALIBRATION_ERROR
from ml.core.record import Calibrated, Validation
from service.predictor import Vector


def judged(y: Vector, output: Vector, seed: int = 0) -> Calibrated:
    resampled = resample(y, {"m": output}, [CALIBRATION_ERROR], resamples=400, seed=seed)
    return expected_error(y, output, resampled.values["m"][CALIBRATION_ERROR], confidence=0.95)


def test_the_error_is_the_one_computed_by_hand() -> None:
    """Two levels of ten rows: 0.2 said and 3 of 10 seen, 0.7 said and 5 of 10 seen: (0.1 + 0.2) / 2."""
    output = np.repeat([0.2, 0.7], 10)
    y = np.concatenate([np.arange(10) < 3, np.arange(10) < 5]).astype(float)
    assert calibration_error(y, output) == pytest.approx(0.15)
    bins = judged(y, output).bins
    assert [each.rows for each in bins] == [10, 10]
    assert [each.predicted for each in bins] == pytest.approx([0.2, 0.7])
    assert [each.observed for each in bins] == pytest.approx([0.3, 0.5])


def test_distinct_outputs_make_fifteen_bins_of_equal_numbers_of_rows() -> None:
    output = np.random.default_rng(0).permutation(1500) / 1500.0
    places = equal_mass(output)
    assert np.bincount(places).tolist() == [100] * BINS
    assert (np.diff(places[np.argsort(output)]) >= 0).all()


@given(st.lists(st.sampled_from([0.0, 0.1, 0.5]) | st.floats(0.0, 1.0), min_size=1, max_size=60))
def test_bins_have_no_gaps_keep_the_order_and_never_part_equal_outputs(values: list[float]) -> None:
    output = np.array(values)
    places = equal_mass(output)
    assert set(places) == set(range(places.max() + 1))
    assert places.max() < BINS
    for value in set(values):
        assert len(set(places[output == value])) == 1
    assert (np.diff(places[np.argsort(output, kind="stable")]) >= 0).all()


def test_probabilities_that_are_true_show_the_error_of_chance_and_no_more() -> None:
    rng = np.random.default_rng(1)
    found, expected = [], []
    for _ in range(200):
        truth = rng.random(600)
        found.append(calibration_error((rng.random(600) < truth).astype(float), truth))
        expected.append(error_of_chance(truth))
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.03)


def test_an_error_stands_within_its_interval_which_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for rows in (500, 8000):
        truth = rng.random(rows)
        y = (rng.random(rows) < truth).astype(float)
        error = judged(y, truth**2)
        assert error.kind == "error"
        assert error.low < error.value < error.high
        assert error.value == pytest.approx(1 / 6, abs=0.06)
        widths.append(error.high - error.low)
    assert widths[1] < 0.4 * widths[0]


def test_the_error_of_true_probabilities_stands_within_its_interval_too() -> None:
    """Resamples of them all err more than the rows do, for each gap is far from zero by chance alone."""
    rng = np.random.default_rng(6)
    truth = rng.random(600)
    error = judged((rng.random(600) < truth).astype(float), truth)
    assert error.low < error.value < error.high


def stated(low: float | None, high: float | None, coverage: float | None = 0.8) -> Validation:
    return Validation(metric="r2", value=0.5, standard_error=0.1, rows=100, coverage=coverage, low=low, high=high)


def test_coverage_is_the_share_of_rows_within_the_stated_interval_bounds_included() -> None:
    y, output = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.0, 3.5, 1.0])
    found = interval_coverage(y, output, stated(-0.5, 1.0), confidence=0.9)
    assert found is not None
    assert (found.kind, found.value, found.nominal) == ("coverage", 0.75, 0.8)
    assert (found.low, found.high) == pytest.approx(wilson(3, 4, 0.9))
    assert [(each.predicted, each.rows) for each in found.bins] == [(1.0, 3), (3.5, 1)]
    assert found.bins[0].observed == pytest.approx(7 / 3)


@pytest.mark.parametrize("given_", [None, stated(None, None, None), stated(-1.0, 1.0, None), stated(None, 1.0)])
def test_without_a_stated_interval_nothing_is_covered(given_: Validation | None) -> None:
    assert interval_coverage(np.arange(3.0), np.arange(3.0), given_, confidence=0.9) is None


@pytest.mark.parametrize(("hits", "rows"), [(0, 7), (7, 7), (3, 10), (450, 500)])
def test_wilson_s_interval_is_scipy_s(hits: int, rows: int) -> None:
    expected = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    assert wilson(hits, rows, 0.95) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_an_interval_of_the_true_quantiles_is_within_three_points_nearly_always() -> None:
    """What the policies' tolerance asks: 2,000 rows, 80 % promised and true, three points allowed."""
    assert binom.cdf(1540, 2000, 0.8) + binom.sf(1660, 2000, 0.8) < 0.002
    rng = np.random.default_rng(4)
    y = rng.normal(size=2000)
    found = interval_coverage(y, np.zeros(2000), stated(-1.2816, 1.2816), confidence=0.95)
    assert found is not None
    assert found.value == pytest.approx(0.8, abs=0.03)
