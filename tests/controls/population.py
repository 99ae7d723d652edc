"""Loans and rents whose law is known: how good a model can be, and where it must fail, is then no opinion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ml.core.frame import KEY, TARGET, typed
from ml.problem import Problem, read_problem
from service.predictor import Vector, logistic_vector

REGIONS = {"north": (0.4, 0.0), "east": (0.3, 0.4), "south": (0.1, -0.2), "west": (0.2, -0.6)}
"""Level -> its share of the rows, and its part in the score."""


def read(name: str) -> Problem:
    """The problem and its policy, as a file that a person could have written."""
    return read_problem(Path(__file__).parent / "problems" / f"{name}.yaml")


def draw(problem: Problem, rows: int, *seed: int) -> pd.DataFrame:
    """Clean rows with the features, `_key` and `_target`; equal seeds give equal rows, other seeds other keys."""
    rng = np.random.default_rng(seed)
    income = np.exp(rng.normal(10.3, 0.5, rows)).clip(0.0, 1e6).round(2)
    columns = {
        "age": rng.integers(18, 91, rows),
        "income": np.where(rng.random(rows) < 0.05, np.nan, income),
        "spring": rng.normal(size=rows).clip(-10.0, 10.0),
        "autumn": rng.normal(size=rows).clip(-10.0, 10.0),
        "region": rng.choice(list(REGIONS), rows, p=[share for share, _ in REGIONS.values()]),
        "insured": rng.random(rows) < 0.5,
    }
    frame = pd.DataFrame({f.name: typed(f, pd.Series(columns[f.name])) for f in problem.features})
    score = law(frame)
    if problem.task == "binary":
        target = (rng.random(rows) < logistic_vector(score)).astype(np.float64)
    else:
        target = 800.0 + 100.0 * (score + rng.normal(size=rows))
    return frame.assign(**{TARGET: target, KEY: rng.integers(2**64, size=rows, dtype=np.uint64)})


def law(frame: pd.DataFrame) -> Vector:
    """The latent score, shape (rows,). It treats spring and autumn alike, and age in the south in reverse."""
    age = (frame["age"].to_numpy(dtype=np.float64) - 54.0) / 21.0
    income = np.nan_to_num((np.log1p(frame["income"].to_numpy()) - 10.3) / 0.5, nan=1.0)
    spring, autumn = frame["spring"].to_numpy(), frame["autumn"].to_numpy()
    regions = {name: part for name, (_, part) in REGIONS.items()}
    score: Vector = (
        np.where(frame["region"] == "south", -1.5, 1.0) * age
        + 0.6 * income
        + np.sin(1.5 * spring)
        + np.sin(1.5 * autumn)
        + 0.7 * spring * autumn
        + 0.5 * frame["insured"].to_numpy()
        + frame["region"].map(regions).to_numpy(dtype=np.float64)
        - 0.3
    )
    return score


def mirrored(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with spring and autumn exchanged, which the law does not notice.

    So what learns from mirrored rows is exactly as good in the population as what learns from the rows.
    """
    return frame.assign(spring=frame["autumn"], autumn=frame["spring"])
