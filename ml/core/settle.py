"""Equal work gives equal bytes on other CPUs too: what only their last digits decide is settled after the fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ml.problem import Problem

DIGITS = 7
"""BLAS kernels differ between CPUs around the fourteenth digit, and data cannot tell a weight's eighth."""


def settle(pipeline: Pipeline, problem: Problem) -> None:
    """Change a fitted pipeline in place so that its numbers do not depend on threads or on the CPU's arithmetic.

    Trees need little: their thresholds and leaves come from loops in a fixed order. Weights of a linear model, and
    the means and scales before them, are rounded in the pipeline itself, so that its export still equals it.
    """
    if problem.model.family == "random_forest":
        # Threads add the trees up in the order in which they finish, so the last digit would vary from run to run.
        pipeline.set_params(model__n_jobs=1)
    if problem.model.family == "linear":
        _round(pipeline.named_steps["model"], "coef_", "intercept_")
        numbers = pipeline.named_steps["encode"].named_transformers_.get("numbers")
        if numbers is not None:
            _round(numbers.named_steps["impute"], "statistics_")
            _round(numbers.named_steps["scale"], "mean_", "scale_")


def _round(fitted: Any, *names: str) -> None:
    for name in names:
        values = np.asarray(getattr(fitted, name))
        rounded = [float(f"{value:.{DIGITS}g}") for value in values.ravel().tolist()]
        settled = np.reshape(rounded, values.shape)
        setattr(fitted, name, settled if values.shape else float(settled))
