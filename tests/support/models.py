"""Fitted models of every kind that can be exported, over features of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml.core.export import Export, export
from ml.core.pipeline import fit
from ml.problem import ModelSpec, Problem
from service.predictor import Predictor, build_predictor
from service.schema import Feature, Task
from tests.support.problems import FEATURES, make_problem
from tests.support.tables import clean_frame

EVERY_KIND = (
    *FEATURES,
    Feature(name="count", kind="integer", minimum=0, maximum=1000, nullable=True, example=4),
    Feature(name="rate", kind="number", minimum=0, maximum=1, example=0.25),
    Feature(name="code", kind="category", levels=(3, 28, 7, 11), example=28),
    Feature(name="sex", kind="category", levels=("f", "m"), example="m"),
    Feature(name="flag", kind="boolean", nullable=True, example=None),
)
PARAMETERS: dict[str, dict[str, Any]] = {
    "linear": {},
    "random_forest": {"n_estimators": 12, "max_depth": 8},
    "gradient_boosting": {"max_iter": 30, "max_leaf_nodes": 15},
}
KINDS = [("linear", "one_hot")] + [
    (family, categories)
    for family in ("random_forest", "gradient_boosting")
    for categories in ("one_hot", "ordinal", "target_mean")
]


@dataclass(frozen=True)
class Fitted:
    """A model with the rows that it was fitted on."""

    problem: Problem
    rows: pd.DataFrame
    pipeline: Pipeline
    exported: Export

    @property
    def predictor(self) -> Predictor:
        return build_predictor(self.problem.schema_, self.exported.program, self.exported.model)


@cache
def fitted(
    family: str,
    categories: str,
    task: Task = "binary",
    *,
    features: tuple[Feature, ...] = EVERY_KIND,
    rows: int = 2_000,
    target: Any = None,
    **parameters: Any,
) -> Fitted:
    """A model of the family, made once a process; `target` replaces the one that every feature has a part in."""
    spec = ModelSpec.model_validate(
        {"family": family, "categories": categories, "parameters": PARAMETERS[family] | parameters}
    )
    problem = make_problem(task, features=features, model=spec)
    frame = clean_frame(problem, rows)
    if target is not None:
        frame["_target"] = np.asarray(target(frame), dtype=np.float64)
    pipeline = fit(problem, frame)
    return Fitted(problem, frame, pipeline, export(pipeline, problem))
