"""From the raw table's columns to the problem's: renamed, derived, complete, nothing unknown."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from ml.core.frame import LINE, Keys
from ml.errors import DataError
from ml.problem import Derived, Problem

# Longer integers differ as texts where they are equal as float64, so they stay texts.
EXACT = 2**53


def arrange(raw: pd.DataFrame, problem: Problem, file: str) -> pd.DataFrame:
    """The columns that the problem names, still as texts. Raises DataError for a missing or an unknown column."""
    renames = {old: new for old, new in problem.columns.rename.items() if new not in raw.columns}
    frame = raw.rename(columns=renames)
    for derived in problem.columns.derived:
        if derived.name not in frame.columns and set(derived.weekday_of) <= set(frame.columns):
            frame[derived.name] = _weekday(frame, derived)
    needed = [*problem.feature_names, problem.target.column, *problem.columns.key]
    originals = {new: old for old, new in problem.columns.rename.items()}
    for name in needed:
        if name not in frame.columns:
            given = f" (or {originals[name]!r})" if name in originals else ""
            raise DataError(f"{file}: column {name!r}{given} is missing; it has: {', '.join(raw.columns.drop(LINE))}")
    known = {*needed, *problem.columns.ignored, LINE}
    if unknown := [name for name in frame.columns if name not in known]:
        raise DataError(
            f"{file}: column {unknown[0]!r} is unknown to problem {problem.name!r}; columns.ignored may list it"
        )
    return frame.loc[:, list(dict.fromkeys([LINE, *needed]))]


def row_keys(frame: pd.DataFrame, problem: Problem) -> Keys:
    """One uint64 per row: blake2b of the key columns, numbers written alike whether they came as 28 or 28.0."""
    parts = [_canonical(frame[name]) for name in problem.columns.key]
    digests = (hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest() for row in zip(*parts, strict=True))
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _canonical(column: pd.Series[Any]) -> list[str]:
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    texts = pd.Series(uniques, dtype=object)
    numbers = pd.to_numeric(texts, errors="coerce")
    written = [
        repr(float(number)) if abs(number) < EXACT else str(text).strip()
        for text, number in zip(texts, numbers, strict=True)
    ]
    written.append("")
    return [written[code] for code in codes]


def _weekday(frame: pd.DataFrame, derived: Derived) -> pd.Series[Any]:
    names = dict(zip(derived.weekday_of, ("year", "month", "day"), strict=True))
    dates = pd.to_datetime(
        frame[list(names)].rename(columns=names).apply(pd.to_numeric, errors="coerce"), errors="coerce"
    )
    weekday: pd.Series[Any] = dates.dt.day_of_week + 1
    return weekday.astype("Int64").astype("str").where(dates.notna(), None)
