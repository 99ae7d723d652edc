"""Divide the rows into what is learnt from and what is held out."""

from __future__ import annotations

from ml.core.frame import TARGET
from ml.core.splitting import split_rows
from ml.errors import DataError
from ml.io.log import event
from ml.io.tables import CLEAN, HOLDOUT, SPLIT, TRAIN, read_table, write_json, write_table
from ml.io.workspace import Workspace
from ml.problem import Problem
from ml.stages.main import stage_main


def split(workspace: Workspace, problem: Problem) -> None:
    work = workspace.work(problem.name)
    train, holdout = split_rows(read_table(work / CLEAN), problem.split)
    for name, rows in (("training rows", train), ("holdout", holdout)):
        if rows[TARGET].nunique() < 2:
            raise DataError(
                f"problem {problem.name!r}: the {name} ({len(rows)} rows) have fewer than two target values; "
                "more rows are needed"
            )
    write_table(work / TRAIN, train)
    write_table(work / HOLDOUT, holdout)
    counts = {"train": len(train), "holdout": len(holdout)}
    write_json(work / SPLIT, counts)
    event("split", problem=problem.name, **counts)


if __name__ == "__main__":
    stage_main(split)
