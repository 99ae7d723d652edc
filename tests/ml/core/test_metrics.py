"""The weighted form of every metric is scikit-learn's, ties and zero weights included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from ml.core.metrics import greater_is_better, point_value, weighted
from ml.gate import METRICS

ALL = [(task, name) for task, names in METRICS.items() for name in names]
REFERENCE: dict[str, Callable[..., Any]] = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "r2": sk.r2_score,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
}


@st.composite
def weighted_rows(draw: st.DrawFn, task: str) -> tuple[Any, Any, Any]:
    """Targets, outputs on a coarse grid (many ties) or a fine one, and weights, some of them zero."""
    rows = draw(st.integers(2, 40))
    tied = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
    output = draw(st.lists(tied | st.floats(0.0, 1.0), min_size=rows, max_size=rows))
    target = st.integers(0, 1).map(float) if task == "binary" else st.floats(-100.0, 100.0).map(lambda x: round(x, 3))
    y = draw(st.lists(target, min_size=rows, max_size=rows))
    weights = draw(st.lists(st.integers(0, 5) | st.floats(0.01, 10.0), min_size=rows, max_size=rows))
    y[0], y[1], weights[0], weights[1] = 0.0, 1.0, max(weights[0], 1), max(weights[1], 1)
    return np.array(y), np.array(output), np.array(weights, dtype=np.float64)


@pytest.mark.parametrize(("task", "name"), ALL)
@given(data=st.data())
def test_a_weighted_metric_is_the_one_of_scikit_learn(data: st.DataObject, task: str, name: str) -> None:
    y, output, weights = data.draw(weighted_rows(task))
    batch = np.stack([weights, np.ones_like(weights)])
    ours = weighted(name, y, output)(batch)
    expected = [REFERENCE[name](y, output, sample_weight=row) for row in batch]
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("task", "name"), ALL)
def test_a_point_value_is_the_weighted_value_with_equal_weights(task: str, name: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 500).astype(float) if task == "binary" else rng.normal(size=500)
    output = rng.random(500).round(2)
    assert point_value(name, y, output) == pytest.approx(weighted(name, y, output)(np.ones((1, 500)))[0], rel=1e-12)


@pytest.mark.parametrize(("task", "name"), ALL)
def test_the_orientation_of_a_metric_favours_the_truth_over_a_guess(task: str, name: str) -> None:
    y = np.array([0.0, 1.0, 0.0, 1.0])
    truth, guess = point_value(name, y, y), point_value(name, y, np.array([0.6, 0.4, 0.5, 0.5]))
    assert (truth > guess) == greater_is_better(name)


@pytest.mark.parametrize(("task", "name"), ALL)
def test_a_constant_target_is_refused(task: str, name: str) -> None:
    with pytest.raises(ValueError, match="one value only"):
        point_value(name, np.ones(5), np.full(5, 0.5))
