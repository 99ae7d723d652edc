"""The gate on real customers: boosting must beat a linear model, and not the other way round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml.core.decision import Candidate
from ml.core.record import Cost
from ml.problem import Problem, read_problem
from tests.support.judging import candidate, judge

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY.parent / "shared" / "data" / "insurance.csv.gz"
CHEAP = Cost(latency_ms=0.1, latency_p99_ms=0.2, size_mb=1.0)


@pytest.mark.skipif(not DATA.exists(), reason="the insurance table is not beside the repository")
def test_boosting_replaces_a_linear_model_on_the_insurance_rows_and_not_the_other_way_round() -> None:
    problem = read_problem(REPOSITORY / "ml" / "problems" / "insurance.yaml")
    frame = read_rows(problem)
    train, holdout = frame.iloc[:20_000], frame.iloc[20_000:30_000]
    categories = [feature.name for feature in problem.features if feature.kind == "category"]
    numbers = [name for name in problem.feature_names if name not in categories]
    encode = (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories)
    linear = make_pipeline(
        make_column_transformer(encode, (StandardScaler(), numbers)), LogisticRegression(max_iter=500)
    )
    boosting = make_pipeline(
        make_column_transformer(encode, ("passthrough", numbers)),
        HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, random_state=0),
    )
    old = fitted("1", linear, problem, train, holdout)
    new = fitted("2", boosting, problem, train, holdout)
    up, down = judge(holdout, old, new, problem), judge(holdout, new, old, problem)
    assert up.promoted, up.reason
    assert up.challenger.metrics["roc_auc"].value >= 0.83
    assert down.verdict == "reject"
    assert down.reason.startswith("Worse: ")


def read_rows(problem: Problem) -> pd.DataFrame:
    frame = pd.read_csv(DATA).rename(columns=problem.columns.rename)
    return frame.assign(
        RegionID=frame["RegionID"].astype(int),
        _key=frame["id"].astype(np.uint64),
        _target=frame["target"].astype(float),
    )


def fitted(version: str, model: Pipeline, problem: Problem, train: pd.DataFrame, holdout: pd.DataFrame) -> Candidate:
    model.fit(train[problem.feature_names], train["_target"])
    outputs = model.predict_proba(holdout[problem.feature_names])[:, 1]
    return candidate(version, outputs, trained_on=train["_key"].to_numpy(), cost=CHEAP)
