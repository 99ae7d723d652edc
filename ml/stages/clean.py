"""Check and type the table; few bad rows go to quarantine.csv, many refuse it."""

from __future__ import annotations

from ml.core.cleaning import clean as clean_table
from ml.io.log import event
from ml.io.tables import CLEAN, CLEANING, INGESTED, QUARANTINE, SOURCE, read_json, read_table, write_json, write_table
from ml.io.workspace import Workspace
from ml.problem import Problem
from ml.stages.main import stage_main


def clean(workspace: Workspace, problem: Problem) -> None:
    work = workspace.work(problem.name)
    cleaned = clean_table(read_table(work / INGESTED), problem, read_json(work / SOURCE)["label"])
    write_table(work / CLEAN, cleaned.rows)
    cleaned.quarantined.to_csv(work / QUARANTINE, index=False)
    counts = {"rows": len(cleaned.rows), "quarantined": len(cleaned.quarantined), "excluded": cleaned.excluded}
    write_json(work / CLEANING, counts)
    event("cleaned", problem=problem.name, **counts)
    if len(cleaned.quarantined):
        event("quarantine", rows=len(cleaned.quarantined), file=work / QUARANTINE)


if __name__ == "__main__":
    stage_main(clean)
