"""Fit the pipeline, export it, prove that the export gives the same numbers, and ask it about rows set aside."""

from __future__ import annotations

from time import perf_counter

import pandas as pd

from ml.core.export import export
from ml.core.frame import TARGET
from ml.core.parity import golden, prove_parity
from ml.core.pipeline import fit
from ml.core.validation import OUTPUT, answers
from ml.errors import UserError
from ml.io.log import event
from ml.io.models import save_model
from ml.io.tables import HOLDOUT, MODEL, PARITY, SET_ASIDE, TRAIN, read_table, write_json, write_table
from ml.io.workspace import Workspace
from ml.problem import Problem
from ml.stages.main import stage_main


def train(workspace: Workspace, problem: Problem) -> None:
    work, params = workspace.work(problem.name), workspace.params()
    rows, holdout = read_table(work / TRAIN), read_table(work / HOLDOUT)
    event("training", problem=problem.name, family=problem.model.family, rows=len(rows))
    start = perf_counter()
    pipeline = fit(problem, rows)
    event("fitted", problem=problem.name, seconds=round(perf_counter() - start, 1))
    exported = export(pipeline, problem)

    def progress(done: int, total: int) -> None:
        event("parity", problem=problem.name, rows=f"{done:,}", of=f"{total:,}")

    parity = prove_parity(
        pipeline, exported, problem, holdout, generated=params.parity_rows, seed=params.seed, progress=progress
    )
    save_model(work / MODEL, pipeline, exported, golden(pipeline, problem, holdout))
    write_json(work / PARITY, parity.model_dump(mode="json"))
    event("exported", problem=problem.name, rows=parity.rows, largest_difference=parity.largest_difference)
    write_table(work / SET_ASIDE, _answers(problem, rows, params.seed))


def _answers(problem: Problem, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """No rows where a table is too small to set any aside: the release policy says what that means."""
    try:
        given = answers(problem, rows, seed)
    except UserError as error:
        event("not validated", problem=problem.name, why=error)
        return pd.DataFrame({TARGET: [], OUTPUT: []}, dtype="float64")
    event("validated", problem=problem.name, set_aside=len(given))
    return given


if __name__ == "__main__":
    stage_main(train)
