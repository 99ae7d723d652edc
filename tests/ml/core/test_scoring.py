"""Every metric on row counts is scikit-learn's on weighted rows, ties and rows that were not drawn included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from ml.core.binning import calibration_error
from ml.core.metrics import CALIBRATION_ERROR, point_value
from ml.core.scoring import Scores
from ml.gate import METRICS
from service.schema import Task

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
def counted_rows(draw: st.DrawFn, task: str) -> tuple[Any, Any, Any]:
    """Targets, outputs on a coarse grid (many ties) or a fine one, and counts, some of them zero."""
    rows = draw(st.integers(2, 40))
    tied = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
    output = draw(st.lists(tied | st.floats(0.0, 1.0), min_size=rows, max_size=rows))
    target = st.integers(0, 1).map(float) if task == "binary" else st.floats(-100.0, 100.0).map(lambda x: round(x, 3))
    y = draw(st.lists(target, min_size=rows, max_size=rows))
    counts = draw(st.lists(st.integers(0, 5), min_size=rows, max_size=rows))
    y[0], y[1], counts[0], counts[1] = 0.0, 1.0, max(counts[0], 1), max(counts[1], 1)
    return np.array(y), np.array(output), np.array(counts, dtype=np.int32)


@pytest.mark.parametrize(("task", "name"), ALL)
@given(data=st.data())
def test_a_metric_on_counts_is_the_one_of_scikit_learn(data: st.DataObject, task: str, name: str) -> None:
    y, output, counts = data.draw(counted_rows(task))
    batch = np.stack([counts, np.ones_like(counts)])
    ours = Scores(y, {"m": output}, [name])(batch)["m", name]
    expected = [REFERENCE[name](y, output, sample_weight=row) for row in batch]
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("task", get_args(Task))
def test_metrics_of_several_models_at_once_are_those_of_each_alone(task: Task) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 60).astype(float) if task == "binary" else rng.normal(size=60)
    outputs = {name: rng.random(60).round(1) for name in ("a", "b")}
    counts = rng.integers(0, 4, (5, 60)).astype(np.int32)
    together = Scores(y, outputs, METRICS[task])(counts)
    assert set(together) == {(model, name) for model in outputs for name in METRICS[task]}
    for (model, name), found in together.items():
        np.testing.assert_allclose(found, Scores(y, {model: outputs[model]}, [name])(counts)[model, name], rtol=1e-12)


@pytest.mark.parametrize(("task", "name"), [*ALL, ("binary", CALIBRATION_ERROR)])
def test_a_point_value_is_the_value_on_rows_that_count_once(task: str, name: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 500).astype(float) if task == "binary" else rng.normal(size=500)
    output = rng.random(500).round(2)
    once = Scores(y, {"m": output}, [name])(np.ones((1, 500), dtype=np.int32))["m", name][0]
    assert point_value(name, y, output) == pytest.approx(once, rel=1e-12)


def test_the_calibration_error_of_a_resample_is_taken_in_the_bins_of_all_rows() -> None:
    """Two outputs make two bins: drawing (3, 1, 0, 2) of the rows leaves the gaps 0.1 * 4 + |0.4 * 2| in six rows."""
    y, output = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.15, 0.15, 0.6, 0.6])
    counts = np.array([[3, 1, 0, 2], [1, 1, 1, 1]], dtype=np.int32)
    found = Scores(y, {"m": output}, [CALIBRATION_ERROR])(counts)["m", CALIBRATION_ERROR]
    np.testing.assert_allclose(found, [(0.1 * 4 + 0.4 * 2) / 6, calibration_error(y, output)], rtol=1e-12)
