"""A shuffled feature hurts as much as the model leans on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.core.importance import permutation_importance
from service.schema import Task
from tests.support.problems import make_problem
from tests.support.tables import clean_frame


@pytest.mark.parametrize(("task", "metric"), [("binary", "roc_auc"), ("binary", "log_loss"), ("regression", "rmse")])
def test_only_the_feature_that_is_used_matters(task: Task, metric: str) -> None:
    problem = make_problem(task, metric=metric)
    frame = clean_frame(problem, 800)
    score = (frame["age"] - frame["age"].mean()) / frame["age"].std()
    frame["_target"] = (score > 0).astype(float) if task == "binary" else score

    def predict(columns: dict[str, Any]) -> Any:
        standard = (columns["age"] - frame["age"].mean()) / frame["age"].std()
        return 1 / (1 + np.exp(-4 * standard)) if task == "binary" else standard

    importance = permutation_importance(problem, frame, predict, seed=0)
    assert importance.pop("age") > 0.2
    assert importance == {"income": 0.0, "region": 0.0, "insured": 0.0}
    first, second = (permutation_importance(problem, frame, predict, seed=1) for _ in range(2))
    assert first == second
    assert first["age"] != permutation_importance(problem, frame, predict, seed=0)["age"]
