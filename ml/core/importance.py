"""Which features a model leans on: the loss of its metric when one of them is shuffled (Breiman, 2001)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ml.core.frame import TARGET, columns_of
from ml.core.metrics import greater_is_better, point_value
from ml.problem import Problem
from service.predictor import Vector

ROWS = 5_000
REPEATS = 3


def permutation_importance(
    problem: Problem, holdout: pd.DataFrame, predict: Callable[[dict[str, Any]], Vector], seed: int
) -> dict[str, float]:
    """Per feature the mean harm to the gate's metric over a few shuffles, on at most 5,000 rows of the holdout."""
    rng = np.random.default_rng(seed)
    frame = holdout.head(ROWS)
    y = frame[TARGET].to_numpy(dtype=np.float64)
    columns = columns_of(problem, frame)
    metric = problem.gate.metric
    sign = 1.0 if greater_is_better(metric) else -1.0
    whole = point_value(metric, y, predict(columns))

    def harm(name: str) -> float:
        shuffled = [columns | {name: rng.permutation(columns[name])} for _ in range(REPEATS)]
        return float(np.mean([sign * (whole - point_value(metric, y, predict(changed))) for changed in shuffled]))

    return {name: harm(name) for name in problem.feature_names}
