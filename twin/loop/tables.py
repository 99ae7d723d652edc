"""The tables that the loop is fed: real flights, few and many, and three ways in which data go bad."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.io.datasets import read_packaged
from ml.problem import PackageSource, read_problem
from twin.folder import ROOT

PROBLEM = "flights"
LABEL = "arr_delay"
MONTH = "2013-01"


def flights(rows: int, *, seed: int = 0, until: str = MONTH) -> pd.DataFrame:
    """So many of the month's flights, drawn by a seed, in the order of the source."""
    source = read_problem(ROOT / f"ml/problems/{PROBLEM}.yaml").source
    assert isinstance(source, PackageSource)
    table = read_packaged(source, until)
    table = table[[name for name in table.columns if not name.startswith("_")]]
    return table.sample(n=min(rows, len(table)), random_state=seed).sort_index()


def shifted(table: pd.DataFrame) -> pd.DataFrame:
    """Every value one column too far to the right, as a lost separator leaves it."""
    return table.set_axis([*table.columns[1:], table.columns[0]], axis="columns")[list(table.columns)]


def shuffled(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Well-formed and worthless: each flight with another one's delay."""
    order = np.random.default_rng(seed).permutation(len(table))
    return table.assign(**{LABEL: table[LABEL].to_numpy()[order]})


def csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()
