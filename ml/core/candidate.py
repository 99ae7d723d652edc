"""A model as the gate sees it, and the form that it and the rows must have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from ml.core.frame import KEY, TARGET, Keys
from ml.core.record import Cost, Validation
from ml.problem import Problem
from service.predictor import Vector

LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Candidate:
    """A model as the gate sees it.

    `outputs` are its probabilities or values on the holdout rows, in their order; `trained_on` the key hashes of its
    training rows; `rolled_back` says when and why a person took it back, if one did; `synthetic` that the training
    rows were made up. An empty digest of data or parameters is one that is not known. `cost` and `validation` are None
    where they were not measured, as in bundles of before there were any.
    """

    version: str
    digest: str
    outputs: Vector
    trained_on: Keys
    trained_at: datetime
    data_digest: str
    params_digest: str
    rolled_back: str | None = None
    synthetic: bool = False
    cost: Cost | None = None
    validation: Validation | None = None


def require_form(problem: Problem, holdout: pd.DataFrame, candidates: Iterable[Candidate]) -> None:
    """Raise ValueError unless keys can be matched and every target and output is a number that metrics are defined on.

    Keys of another type than uint64 would compare unequal after rounding and let training rows through.
    """
    if holdout[KEY].dtype != np.uint64:
        raise ValueError(f"the holdout's keys are {holdout[KEY].dtype}, not uint64")
    targets = holdout[TARGET].to_numpy(dtype=np.float64)
    if not np.isfinite(targets).all() or (problem.task == "binary" and not np.isin(targets, (0.0, 1.0)).all()):
        raise ValueError("the holdout's targets are not all " + ("0 or 1" if problem.task == "binary" else "finite"))
    for model in candidates:
        if model.trained_on.dtype != np.uint64 or not len(model.trained_on):
            raise ValueError(f"version {model.version} does not say as uint64 keys which rows it was trained on")
        if model.outputs.shape != targets.shape:
            raise ValueError(f"version {model.version} has {len(model.outputs):,} outputs for {len(targets):,} rows")
        low, high = (0.0, 1.0) if problem.task == "binary" else (-LARGEST, LARGEST)
        if bad := int(np.sum(~((model.outputs >= low) & (model.outputs <= high)))):
            raise ValueError(f"version {model.version} gives {bad:,} outputs that are not valid predictions")
