"""Point values point the way that their names say, and mean nothing where the target does not vary."""

from __future__ import annotations

import numpy as np
import pytest

from ml.core.metrics import greater_is_better, point_value
from ml.gate import METRICS

ALL = [(task, name) for task, names in METRICS.items() for name in names]


@pytest.mark.parametrize(("task", "name"), ALL)
def test_the_orientation_of_a_metric_favours_the_truth_over_a_guess(task: str, name: str) -> None:
    y = np.array([0.0, 1.0, 0.0, 1.0])
    truth, guess = point_value(name, y, y), point_value(name, y, np.array([0.6, 0.4, 0.5, 0.5]))
    assert (truth > guess) == greater_is_better(name)


@pytest.mark.parametrize(("task", "name"), ALL)
def test_a_constant_target_is_refused(task: str, name: str) -> None:
    with pytest.raises(ValueError, match="one value only"):
        point_value(name, np.ones(5), np.full(5, 0.5))
