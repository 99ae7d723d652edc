"""Check every value against the problem; few bad rows are set aside by name, many refuse the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.core.columns import arrange, row_keys
from ml.core.frame import KEY, LINE, TARGET, typed
from ml.errors import DataError
from ml.problem import Problem
from service.schema import Feature

Mask = npt.NDArray[np.bool_]
BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True)
class Cleaned:
    """`rows` has KEY, the features and TARGET; `quarantined` the raw rows with their lines and a reason."""

    rows: pd.DataFrame
    quarantined: pd.DataFrame
    excluded: int


@dataclass(frozen=True)
class Complaint:
    """What is wrong with a column, and in which rows."""

    column: str
    what: str
    rows: Mask


def clean(raw: pd.DataFrame, problem: Problem, file: str) -> Cleaned:
    """Check and type a raw table of texts with a LINE column.

    `file` is how messages name the table. Raises DataError when there are no rows, when columns are missing or
    unknown, when more rows are bad than the problem tolerates, or when the target is constant.
    """
    if raw.empty:
        raise DataError(f"{file}: there are no rows below the header")
    frame = arrange(raw, problem, file)
    excluded = (
        frame[problem.target.column].isna()
        if problem.target.missing == "exclude"
        else pd.Series(data=False, index=frame.index)
    )
    if excluded.all():
        raise DataError(f"{file}: column {problem.target.column!r} is empty in all {len(frame)} rows")
    frame = frame[~excluded.to_numpy()].reset_index(drop=True)
    keys = row_keys(frame, problem)
    complaints = _key_complaints(frame, keys, problem)
    columns: dict[str, pd.Series[Any]] = {}
    for feature in problem.features:
        columns[feature.name], found = _feature(feature, frame[feature.name])
        complaints += found
    target, found = _target(frame[problem.target.column], problem)
    complaints += found
    bad = np.logical_or.reduce([complaint.rows for complaint in complaints])
    if bad.mean() > problem.tolerance.bad_rows:
        raise DataError(f"{file}: {_worst(complaints, frame, bad, problem)}")
    rows = pd.DataFrame(
        {KEY: keys[~bad]} | {f.name: typed(f, columns[f.name][~bad]).to_numpy() for f in problem.features}
    )
    rows[TARGET] = target[~bad]
    if rows[TARGET].nunique() < 2:
        only = "no value" if rows.empty else f"only {rows[TARGET].iloc[0]:g}"
        raise DataError(
            f"{file}: column {problem.target.column!r} has {only} as the target; two classes or values are needed"
        )
    quarantined = frame[bad].assign(reason=_reasons(complaints, bad))
    return Cleaned(rows=rows, quarantined=quarantined, excluded=int(excluded.sum()))


def _key_complaints(frame: pd.DataFrame, keys: npt.NDArray[np.uint64], problem: Problem) -> list[Complaint]:
    name = ", ".join(problem.columns.key)
    missing = frame[list(problem.columns.key)].isna().any(axis=1).to_numpy(dtype=bool)
    repeated = pd.Series(keys).duplicated().to_numpy(dtype=bool) & ~missing
    return [Complaint(name, "a key is missing", missing), Complaint(name, "a key occurs twice", repeated)]


def _feature(feature: Feature, texts: pd.Series[Any]) -> tuple[pd.Series[Any], list[Complaint]]:
    missing = texts.isna().to_numpy(dtype=bool)
    values, wrong = _parsed(feature, texts)
    wrong = wrong & ~missing
    complaints = [] if feature.nullable else [Complaint(feature.name, "a value is missing", missing)]
    if feature.kind == "category":
        return values, [*complaints, Complaint(feature.name, "a level is unknown", wrong)]
    complaints.append(Complaint(feature.name, f"a value is not {_a(feature.kind)}", wrong))
    if feature.kind != "boolean":
        inside = values.ge(feature.minimum).to_numpy(dtype=bool) & values.le(feature.maximum).to_numpy(dtype=bool)
        bounds = f"a value is outside {feature.minimum:g} to {feature.maximum:g}"
        complaints.append(Complaint(feature.name, bounds, ~inside & ~missing & ~wrong))
    return values, complaints


def _parsed(feature: Feature, texts: pd.Series[Any]) -> tuple[pd.Series[Any], Mask]:
    """Values, and the mask of those that cannot be read as the feature's kind."""
    if feature.kind == "boolean":
        values = texts.str.strip().str.lower().map(BOOLEANS)
        return values, values.isna().to_numpy(dtype=bool)
    if feature.kind == "category" and isinstance(feature.levels[0], str):
        return texts, ~texts.isin(feature.levels).to_numpy(dtype=bool)
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    if feature.kind == "category":
        return numbers, ~numbers.isin(feature.levels).to_numpy(dtype=bool)
    wrong = numbers.isna().to_numpy(dtype=bool)
    if feature.kind == "integer":
        wrong = wrong | (numbers % 1 != 0).to_numpy(dtype=bool)
    return numbers, wrong


def _target(texts: pd.Series[Any], problem: Problem) -> tuple[npt.NDArray[Any], list[Complaint]]:
    spec = problem.target
    missing = texts.isna().to_numpy(dtype=bool)
    complaints = [Complaint(spec.column, "the target is missing", missing)]
    if isinstance(spec.positive, str):
        return (texts == spec.positive).to_numpy(dtype=np.float64), complaints
    numbers: npt.NDArray[Any] = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(numbers) & ~missing
    complaints.append(Complaint(spec.column, "the target is not a number", wrong))
    if problem.task == "regression":
        low, high = spec.minimum, spec.maximum
        outside = (numbers < (-np.inf if low is None else low)) | (numbers > (np.inf if high is None else high))
        return numbers, [*complaints, Complaint(spec.column, "the target is out of range", outside)]
    if spec.above is not None:
        return (numbers > spec.above).astype(np.float64), complaints
    odd = ~np.isin(numbers, (0.0, 1.0)) & ~missing & ~wrong
    positive = float(1 if spec.positive is None else spec.positive)
    return (numbers == positive).astype(np.float64), [
        *complaints,
        Complaint(spec.column, "the target is not 0 or 1", odd),
    ]


def _worst(complaints: list[Complaint], frame: pd.DataFrame, bad: Mask, problem: Problem) -> str:
    worst = max(complaints, key=lambda complaint: int(complaint.rows.sum()))
    first = np.flatnonzero(worst.rows)[:3]
    shown = ", ".join(f"line {frame[LINE].iloc[row]} ({_cell(frame, worst.column, row)})" for row in first)
    return (
        f"column {worst.column!r}: {worst.what} in {int(worst.rows.sum())} of {len(frame)} rows, first at {shown}; "
        f"{bad.mean():.1%} of the rows are bad and {problem.tolerance.bad_rows:.1%} are tolerated"
    )


def _cell(frame: pd.DataFrame, column: str, row: Any) -> str:
    values = [frame[name].iloc[row] for name in column.split(", ")]
    return ", ".join("empty" if pd.isna(value) else repr(str(value)[:40]) for value in values)


def _reasons(complaints: list[Complaint], bad: Mask) -> list[str]:
    said = np.full(len(bad), "", dtype=object)
    for complaint in complaints:
        said[complaint.rows] += f"; {complaint.column}: {complaint.what}"
    return [str(reason).removeprefix("; ") for reason in said[bad]]


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
