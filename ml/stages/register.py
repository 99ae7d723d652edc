"""Log the run with all that it made, and register its model."""

from __future__ import annotations

import json
import os
from typing import Any

from ml.core.frame import KEY
from ml.io.git import read_code
from ml.io.log import event
from ml.io.models import load_pipeline
from ml.io.person import triggered_by
from ml.io.runs import Estimate, TrainingRun, log_run
from ml.io.tables import (
    BUNDLE,
    METRICS,
    MODEL,
    PLOTS,
    REGISTERED,
    SOURCE,
    TRAIN,
    VALIDATION,
    read_json,
    read_table,
    write_json,
)
from ml.io.workspace import NOT_TRAINING, Workspace
from ml.problem import Problem
from ml.stages.main import IMAGE, REASON, stage_main
from service.bundle import read_bundle

EXAMPLE_ROWS = 5


def register(workspace: Workspace, problem: Problem) -> None:
    work, code = workspace.work(problem.name), read_code(workspace.root)
    train, source = read_table(work / TRAIN), read_json(work / SOURCE)
    patch = work / "code.patch"
    patch.write_bytes(code.patch)
    run = TrainingRun(
        bundle=read_bundle(work / BUNDLE),
        pipeline=load_pipeline(work / MODEL),
        example=train[problem.feature_names].head(EXAMPLE_ROWS),
        params=_params(workspace, problem),
        metrics={name: Estimate(**interval) for name, interval in read_json(work / METRICS).items()},
        training_keys=train[KEY].to_numpy(),
        pictures=work / PLOTS,
        commit=code.commit,
        dirty=code.dirty,
        reason=os.environ.get(REASON, "a person ran the pipeline"),
        source=source["label"],
        synthetic=source["kind"] == "synthetic",
        triggered_by=triggered_by(),
        image=os.environ.get(IMAGE, ""),
        files=(
            workspace.root / "dvc.lock",
            workspace.root / "params.yaml",
            workspace.problem_file(problem.name),
            work / METRICS,
            work / VALIDATION,
            work / SOURCE,
            patch,
        ),
    )
    event("logging", problem=problem.name, to="MLflow")
    registered = log_run(workspace.tracking, run)
    write_json(work / REGISTERED, registered._asdict())
    event("registered", problem=problem.name, version=registered.version, digest=registered.digest)


def _params(workspace: Workspace, problem: Problem) -> dict[str, Any]:
    """Flat, as MLflow shows them."""
    params = workspace.params().model_dump(mode="json", exclude=NOT_TRAINING)
    model = problem.model.model_dump(mode="json")
    model |= model.pop("parameters")
    flat = params | {f"model.{name}": value for name, value in model.items()}
    flat |= {f"split.{name}": value for name, value in problem.split.model_dump(mode="json").items()}
    return {
        name: value if isinstance(value, (str, int, float, bool)) else json.dumps(value) for name, value in flat.items()
    }


if __name__ == "__main__":
    stage_main(register)
