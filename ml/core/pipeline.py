"""The one scikit-learn Pipeline of a problem: encoding and estimator, nothing fitted apart from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from ml.core.frame import MISSING_LEVEL, TARGET
from ml.core.settle import settle
from ml.errors import UserError
from ml.problem import ModelSpec, Problem
from service.predictor import Vector
from service.schema import Feature

ESTIMATORS: dict[tuple[str, str], type[Any]] = {
    ("gradient_boosting", "binary"): HistGradientBoostingClassifier,
    ("gradient_boosting", "regression"): HistGradientBoostingRegressor,
    ("random_forest", "binary"): RandomForestClassifier,
    ("random_forest", "regression"): RandomForestRegressor,
    ("linear", "binary"): LogisticRegression,
    ("linear", "regression"): Ridge,
}


def build_pipeline(problem: Problem) -> Pipeline:
    """An unfitted Pipeline of scikit-learn's own classes, so that any client can load it without this project.

    Raises UserError when the problem's parameters are not the estimator's.
    """
    numbers = [feature.name for feature in problem.features if feature.kind != "category"]
    steps: list[tuple[str, Any, list[str]]] = []
    if numbers:
        steps.append(("numbers", _numbers(problem.model), numbers))
    categories = [feature for feature in problem.features if feature.kind == "category"]
    # Counted instead of named: scikit-learn refuses step names that hold "__" or equal one of its own arguments.
    steps += [(f"category-{n}", _category(f, problem), [f.name]) for n, f in enumerate(categories)]
    encode = ColumnTransformer(steps, sparse_threshold=0.0, verbose_feature_names_out=False)
    return Pipeline([("encode", encode), ("model", _estimator(problem))])


def fit(problem: Problem, train: pd.DataFrame) -> Pipeline:
    """Fit on a clean frame. Raises UserError when scikit-learn refuses the problem's parameters."""
    pipeline = build_pipeline(problem)
    try:
        pipeline.fit(train[problem.feature_names], _target(problem, train))
    except ValueError as error:
        raise UserError(f"problem {problem.name!r}: the model could not be fitted: {error}") from error
    settle(pipeline, problem)
    return pipeline


def outputs(pipeline: Pipeline, problem: Problem, frame: pd.DataFrame) -> Vector:
    """scikit-learn's own outputs: probabilities of the positive class, or values. Shape (rows,)."""
    features = frame[problem.feature_names]
    if problem.task == "binary":
        probabilities: Vector = pipeline.predict_proba(features)[:, 1]
        return probabilities
    values: Vector = pipeline.predict(features)
    return values


def _target(problem: Problem, train: pd.DataFrame) -> pd.Series[Any]:
    return train[TARGET].astype("int64") if problem.task == "binary" else train[TARGET]


def _numbers(spec: ModelSpec) -> Any:
    """Trees take numbers and missing values as they are; a linear model needs both mended."""
    if spec.family != "linear":
        return "passthrough"
    return Pipeline(
        [("impute", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )


def _category(feature: Feature, problem: Problem) -> Pipeline:
    levels = [*feature.levels, *([MISSING_LEVEL] if feature.nullable else [])]
    if isinstance(levels[0], int):
        levels.sort(key=int)  # scikit-learn takes numbers as categories in this order only
    encoders: dict[str, Any] = {
        "one_hot": OneHotEncoder(categories=[levels], sparse_output=False),
        "ordinal": OrdinalEncoder(categories=[levels]),
        "target_mean": TargetEncoder(
            categories=[levels],
            target_type="binary" if problem.task == "binary" else "continuous",
            cv=_folds(problem),
        ),
    }
    impute = SimpleImputer(missing_values=np.nan, strategy="constant", fill_value=MISSING_LEVEL)
    steps = [("impute", impute)] if feature.nullable else []
    return Pipeline([*steps, ("encode", encoders[problem.model.categories])])


def _folds(problem: Problem) -> KFold | StratifiedKFold:
    kind = StratifiedKFold if problem.task == "binary" else KFold
    return kind(n_splits=5, shuffle=True, random_state=problem.model.seed)


def _estimator(problem: Problem) -> Any:
    spec = problem.model
    fixed: dict[str, Any] = {"random_state": spec.seed}
    if spec.family == "gradient_boosting":
        fixed["early_stopping"] = False
    if spec.family == "random_forest":
        fixed["n_jobs"] = -1
    if (spec.family, problem.task) == ("linear", "binary") and "solver" not in spec.parameters:
        # Newton's method ends at the optimum to the last digits; others stop on the way, elsewhere on each CPU.
        fixed |= {"solver": "newton-cholesky", "tol": spec.parameters.get("tol", 1e-10)}
    try:
        return ESTIMATORS[spec.family, problem.task](**(spec.parameters | fixed))
    except TypeError as error:
        raise UserError(f"problem {problem.name!r}: model.parameters: {error}") from error
