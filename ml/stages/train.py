"""Fit the pipeline, export it, and prove that the export gives the same numbers."""

from __future__ import annotations

from time import perf_counter

from ml.core.export import export
from ml.core.parity import golden, prove_parity
from ml.core.pipeline import fit
from ml.io.log import event
from ml.io.models import save_model
from ml.io.tables import HOLDOUT, MODEL, PARITY, TRAIN, read_table, write_json
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


if __name__ == "__main__":
    stage_main(train)
