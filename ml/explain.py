"""What drives a registered version, or one of its predictions, by the code that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.core.explanation import BACKGROUND, Model, explain, some
from ml.core.frame import frame_of, rows_of
from ml.core.record import Driver, Explanation
from ml.core.shapley import attribute
from ml.errors import UserError
from ml.io.invalid import in_words
from ml.io.registry import Registry, Version
from ml.io.tables import HOLDOUT, read_table
from ml.io.workspace import Workspace
from ml.loop import bundle_of
from service.bundle import Bundle
from service.errors import InvalidInput
from service.predictor import Predictor, load_predictor
from service.schema import Schema, Value
from service.validation import Validator


@dataclass(frozen=True)
class Explained:
    """`rows` says which rows were explained."""

    version: Version
    schema: Schema
    rows: str
    explanation: Explanation


@dataclass(frozen=True)
class ExplainedRow:
    """One prediction: `base` and the parts add up to the output. `rows` says what stands for the background."""

    version: Version
    schema: Schema
    rows: str
    output: float
    base: float
    parts: tuple[Driver, ...]


def explain_version(workspace: Workspace, problem: str, number: int) -> Explained:
    """Raises NoSuchVersionError."""
    version, bundle, predictor = _loaded(workspace, problem, number)
    model = Model(bundle.schema, predictor.many)
    name, rows = _rows(workspace, bundle, model)
    params = workspace.params()
    found = explain(model, None, rows, explained=params.explained_rows, seed=params.seed)
    assert found is not None, "golden rows fit their own bundle"
    return Explained(version, bundle.schema, name, found)


def explain_row(workspace: Workspace, problem: str, number: int, row: bytes) -> ExplainedRow:
    """Every feature's part in the output for a row of JSON, the largest first. Raises UserError for a row that the
    version does not take."""
    version, bundle, predictor = _loaded(workspace, problem, number)
    model = Model(bundle.schema, predictor.many)
    given = _given(bundle.schema, row)
    name, rows = _rows(workspace, bundle, model)
    seed = workspace.params().seed
    background = some(rows, BACKGROUND, np.random.default_rng(seed))
    frame = frame_of(bundle.schema, [given])
    found = attribute(bundle.schema, predictor.many, frame, background, seed=seed)
    [shown] = rows_of(bundle.schema, frame)
    parts = zip(shown.items(), found.values[0].tolist(), strict=True)
    drivers = [Driver(feature=name, value=value, challenger=part) for (name, value), part in parts]
    return ExplainedRow(
        version=version,
        schema=bundle.schema,
        rows=name,
        output=predictor.one(given),
        base=found.base,
        parts=tuple(sorted(drivers, key=lambda driver: -abs(driver.challenger))),
    )


def _loaded(workspace: Workspace, problem: str, number: int) -> tuple[Version, Bundle, Predictor]:
    version = Registry(workspace.tracking, problem).version(number)
    bundle = bundle_of(workspace, version)
    return version, bundle, load_predictor(bundle)


def _rows(workspace: Workspace, bundle: Bundle, model: Model) -> tuple[str, pd.DataFrame]:
    """The held-out rows of this checkout where there are some that fit, else the bundle's golden rows."""
    path = workspace.work(bundle.schema.name) / HOLDOUT
    if path.exists():
        rows = read_table(path)
        if model.takes(rows):
            return "held-out rows", rows
    return "golden rows of the bundle", frame_of(bundle.schema, bundle.golden().rows)


def _given(schema: Schema, row: bytes) -> Mapping[str, Value]:
    try:
        return Validator(schema, max_rows=1).row(row)
    except InvalidInput as error:
        raise UserError(in_words(error)) from error
