"""What rows set aside within training say of a model fitted on the others, before any holdout is looked at."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.core.bootstrap import resample
from ml.core.frame import KEY, TARGET, Keys, rounded
from ml.core.pipeline import fit, outputs
from ml.core.record import Validation
from ml.core.splitting import below, mixed
from ml.errors import UserError
from ml.problem import Problem
from service.predictor import Vector

OUTPUT = "_output"
SHARE = 0.2
SMALLEST = 50
"""Rows below which the set-aside part would say more about chance than about the model."""
RESAMPLES = 200
"""Enough for a standard error (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 6.4)."""
DIGITS = 7
"""A standard error is a difference of near numbers, so CPUs may differ in its last digits sooner than elsewhere."""


def set_aside(keys: Keys, seed: int) -> npt.NDArray[np.bool_]:
    """Whether each key of the training rows is set aside: a fifth, which stays the same when rows are added.

    The hash is taken of a hash, so that no seed repeats the division that made the holdout.
    """
    return below(mixed(mixed(keys, seed), seed), SHARE)


def answers(problem: Problem, train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Targets and outputs (`_target`, `_output`; float64) of the set-aside rows, of the pipeline fitted on the others.

    Outputs have ten digits, so that rows which are equal stay equal on every CPU. Raises UserError where the rows are
    too few or too alike to be divided.
    """
    aside = set_aside(train[KEY].to_numpy(), seed)
    kept, held = train[~aside], train[aside]
    if len(held) < SMALLEST:
        raise UserError(f"{len(held)} of {len(train)} training rows would be set aside; {SMALLEST} are needed")
    if min(kept[TARGET].nunique(), held[TARGET].nunique()) < 2:
        raise UserError("the training rows cannot be divided so that the target varies in both parts")
    output = outputs(fit(problem, kept), problem, held)
    columns = {TARGET: held[TARGET].to_numpy(dtype=np.float64), OUTPUT: np.asarray(rounded(output.tolist()))}
    return pd.DataFrame(columns)


def validate(problem: Problem, given: pd.DataFrame, seed: int) -> Validation | None:
    """The gate's metric on those answers and, for a regression, the interval at the coverage that the gate asks for.

    None where there are no answers; no interval where they are too few for that coverage.
    """
    if given.empty:
        return None
    y, output = given[TARGET].to_numpy(), given[OUTPUT].to_numpy()
    metric, calibration = problem.gate.metric, problem.gate.calibration
    resampled = resample(y, {"model": output}, [metric], resamples=RESAMPLES, seed=seed)
    interval = {}
    if calibration is not None and calibration.coverage is not None:
        interval = _interval(y - output, calibration.coverage)
    return Validation(
        metric=metric,
        value=_settled(resampled.points["model"][metric]),
        standard_error=_settled(float(np.std(resampled.values["model"][metric], ddof=1))),
        rows=len(y),
        **interval,
    )


def conformal_interval(residuals: Vector, coverage: float) -> tuple[float, float] | None:
    """Bounds that a new residual (actual minus predicted) lies within with a chance of at least `coverage`.

    Split conformal prediction: of n residuals of rows that the model has not seen, the k-th smallest and k-th largest
    with k = floor((n + 1) (1 - coverage) / 2), which holds for any distribution as long as rows are exchangeable
    (Lei et al. 2018, Distribution-Free Predictive Inference for Regression, section 2.2; signed residuals with half of
    the error on each side as in Linusson et al. 2014). None where the rows are too few for it.
    """
    k = math.floor((len(residuals) + 1) * (1.0 - coverage) / 2.0 + 1e-9)
    if k < 1:
        return None
    ordered = np.sort(residuals)
    return float(ordered[k - 1]), float(ordered[-k])


def _interval(residuals: Vector, coverage: float) -> dict[str, float]:
    bounds = conformal_interval(residuals, coverage)
    return {"coverage": coverage, "low": _settled(bounds[0]), "high": _settled(bounds[1])} if bounds else {}


def _settled(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
