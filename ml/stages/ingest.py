"""Read what has arrived for a problem into one table of texts."""

from __future__ import annotations

import pandas as pd

from ml.io.datasets import make_synthetic, read_csv, read_packaged
from ml.io.log import event
from ml.io.raw import Request, read_request
from ml.io.tables import INGESTED, SOURCE, write_json, write_table
from ml.io.workspace import Workspace
from ml.problem import PackageSource, Problem
from ml.stages.main import stage_main


def ingest(workspace: Workspace, problem: Problem) -> None:
    request = read_request(workspace.raw(problem.name))
    table = _read(workspace, problem, request)
    work = workspace.work(problem.name)
    write_table(work / INGESTED, table)
    write_json(work / SOURCE, {"kind": request.kind, "label": request.label, "rows": len(table)})
    event("ingested", problem=problem.name, source=request.label, rows=len(table))


def _read(workspace: Workspace, problem: Problem, request: Request) -> pd.DataFrame:
    if request.kind == "package":
        assert isinstance(problem.source, PackageSource)
        return read_packaged(problem.source, request.until or problem.source.until)
    if request.kind == "synthetic":
        event("synthetic", problem=problem.name, note="these rows are made up; name a CSV to learn from real ones")
        assert request.rows is not None
        return make_synthetic(problem, request.rows)
    assert request.file is not None
    return read_csv(workspace.raw(problem.name) / request.file, request.label)


if __name__ == "__main__":
    stage_main(ingest)
