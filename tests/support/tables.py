"""Raw tables of texts and clean frames for the toy problem, made without any randomness of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.core.frame import KEY, LINE, TARGET, TEXT
from ml.core.sampling import sample
from ml.problem import Problem

REGIONS = ("north", "south", "west", None)
BOOLEANS = ("true", "FALSE", "1", "0", "1.0", "0.0", " True ", "false")


def raw_table(count: int = 200, /, **columns: Sequence[str | None]) -> pd.DataFrame:
    """A valid raw table of the toy problem, as `read_csv` gives it; `columns` replace or add some."""
    texts: dict[str, Sequence[str | None]] = {
        "id": [str(number) for number in range(count)],
        "age": [str(number % 121) for number in range(count)],
        "income": [None if number % 10 == 3 else f"{number}.5" for number in range(count)],
        "region": [REGIONS[number % 4] for number in range(count)],
        "insured": [BOOLEANS[number % 8] for number in range(count)],
        "outcome": [str(number % 2) for number in range(count)],
    }
    frame = pd.DataFrame({name: pd.Series(list(values), dtype=TEXT) for name, values in (texts | columns).items()})
    frame[LINE] = range(2, count + 2)
    return frame


def replaced(values: Sequence[str | None], changes: dict[int, str | None]) -> list[str | None]:
    """The values with some of them changed, by row."""
    return [changes.get(row, value) for row, value in enumerate(values)]


def clean_frame(problem: Problem, count: int, seed: int = 0) -> pd.DataFrame:
    """Clean rows with a target that every feature has a part in, missing values included."""
    rng = np.random.default_rng(seed)
    frame = sample(problem, count, rng)
    score = rng.normal(scale=0.5, size=count)
    for feature in problem.features:
        column = frame[feature.name]
        codes = pd.factorize(column, sort=True)[0] if feature.kind == "category" else column.astype("float64")
        values = pd.Series(codes).replace(-1, np.nan).fillna(pd.Series(codes).max()).to_numpy(dtype=np.float64)
        score += (values - values.mean()) / (values.std() or 1.0)
    frame[TARGET] = (score > np.median(score)).astype(np.float64) if problem.task == "binary" else score
    frame[KEY] = rng.integers(2**63, size=count).astype(np.uint64)
    return frame
