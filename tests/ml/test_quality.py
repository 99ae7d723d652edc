"""The shipped problems on real rows: as good as they must be, and flights drift as flights do."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import Pipeline

from ml.core.cleaning import Cleaned, clean
from ml.core.export import export
from ml.core.frame import TARGET, columns_of
from ml.core.pipeline import fit, outputs
from ml.core.splitting import split_rows
from ml.io.datasets import read_csv, read_packaged
from ml.problem import PackageSource, Problem, read_problem
from service.predictor import build_predictor
from tests.support.data import REPOSITORY, data_file


@cache
def problem(name: str) -> Problem:
    return read_problem(REPOSITORY / "ml" / "problems" / f"{name}.yaml")


def served(pipeline: Pipeline, spec: Problem, rows: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float]]:
    """The truth and what the exported model gives, as it would be served."""
    exported = export(pipeline, spec)
    output = build_predictor(spec.schema_, exported.program, exported.model).many(columns_of(spec, rows))
    return rows[TARGET], pd.Series(output)


def cleaned_file(name: str, path: Path) -> Cleaned:
    return clean(read_csv(path, path.name), problem(name), path.name)


def test_insurance_reaches_its_auc_on_held_out_customers() -> None:
    cleaned = cleaned_file("insurance", data_file("insurance.csv.gz"))
    assert (len(cleaned.rows), len(cleaned.quarantined)) == (57_166, 0)
    train, holdout = split_rows(cleaned.rows, problem("insurance").split)
    truth, output = served(fit(problem("insurance"), train), problem("insurance"), holdout)
    assert len(holdout) > 11_000
    assert roc_auc_score(truth, output) >= 0.83


def test_housing_reaches_its_r2_on_held_out_districts() -> None:
    cleaned = cleaned_file("housing", data_file("housing.csv.gz"))
    assert (len(cleaned.rows), len(cleaned.quarantined)) == (20_640, 0)
    assert cleaned.rows["total_bedrooms"].isna().sum() == 207
    train, holdout = split_rows(cleaned.rows, problem("housing").split)
    truth, output = served(fit(problem("housing"), train), problem("housing"), holdout)
    assert r2_score(truth, output) >= 0.82


@cache
def flights() -> pd.DataFrame:
    spec = problem("flights")
    assert isinstance(spec.source, PackageSource)
    cleaned = clean(read_packaged(spec.source, "2013-12"), spec, "flights")
    assert len(cleaned.rows) + len(cleaned.quarantined) + cleaned.excluded == 336_776
    return cleaned.rows


@cache
def quarter() -> tuple[Pipeline, pd.DataFrame]:
    """A model of the window that the loop sees first, and that window's holdout."""
    rows = flights()
    train, holdout = split_rows(rows[rows["month"] <= 3], problem("flights").split)
    return fit(problem("flights"), train), holdout


@pytest.mark.xdist_group("flights")
def test_flights_reaches_its_auc_on_held_out_flights_of_the_first_quarter() -> None:
    pipeline, holdout = quarter()
    truth, output = served(pipeline, problem("flights"), holdout)
    assert roc_auc_score(truth, output) >= 0.69


@pytest.mark.xdist_group("flights")
def test_a_model_of_the_first_quarter_is_worse_in_april_and_worse_still_in_december() -> None:
    pipeline, holdout = quarter()
    months = {"quarter": holdout} | {month: flights()[flights()["month"] == month] for month in (4, 12)}
    auc = {
        name: roc_auc_score(rows[TARGET], outputs(pipeline, problem("flights"), rows)) for name, rows in months.items()
    }
    assert auc["quarter"] - auc[4] > 0.03, auc
    assert auc[4] - auc[12] > 0.02, auc
    assert auc[12] > 0.5, auc
