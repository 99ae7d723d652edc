"""What every stage's main does: read the problem, run, and end with one sentence and code 2 on a mendable error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ml.errors import UserError
from ml.io.log import start_logging
from ml.io.workspace import Workspace
from ml.problem import Problem

# Set by whoever starts the pipeline and wants to know the sentence with which a stage ended.
FAILURE_FILE = "EVERGREEN_FAILURE_FILE"
# Why the pipeline runs, as the caller says: data arrived, drift, schedule, a person.
REASON = "EVERGREEN_REASON"
# The container image, with its digest, that a job runs in.
IMAGE = "EVERGREEN_IMAGE"


def stage_main(stage: Callable[[Workspace, Problem], None]) -> None:
    """Run a stage for the problem that the command line names."""
    start_logging()
    try:
        if len(sys.argv) != 2:
            raise UserError(f"usage: python -m {stage.__module__} PROBLEM")
        workspace = Workspace.here()
        stage(workspace, workspace.problem(sys.argv[1]))
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        if path := os.environ.get(FAILURE_FILE):
            Path(path).write_text(str(error), encoding="utf-8")
        sys.exit(2)
