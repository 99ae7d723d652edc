"""The trained problem that is served: its real rows, what scikit-learn says of them, and its registered version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.errors import RefusedError
from ml.core.frame import rows_of
from ml.core.pipeline import outputs
from ml.io.models import PIPELINE, load_pipeline
from ml.io.tables import read_json
from ml.io.workspace import Workspace
from ml.problem import Problem
from service.bundle import MANIFEST
from service.predictor import Vector
from service.schema import Value

ROWS = 500
NEEDED = (f"bundle/{MANIFEST}", f"model/{PIPELINE}", "holdout.parquet", "registered.json")
FIRST_CHOICE = "insurance"


@dataclass(frozen=True)
class Trained:
    """A problem that was trained in this checkout. `expected` are scikit-learn's outputs for `rows`."""

    workspace: Workspace
    problem: Problem
    version: int
    rows: list[dict[str, Value]]
    expected: Vector

    @property
    def folder(self) -> Path:
        return self.workspace.work(self.problem.name)


def load_trained(workspace: Workspace, name: str | None) -> Trained:
    """The named problem, or the first that is trained. Raises RefusedError when there is none."""
    known = workspace.params().problems
    names = [name] if name else sorted(known, key=lambda known_name: known_name != FIRST_CHOICE)
    found = next((choice for choice in names if _is_trained(workspace.work(choice))), None)
    if found is None:
        wanted = name or known[0]
        what = f"problem {name!r} is not trained" if name else "no problem is trained"
        raise RefusedError(f"{what} in this checkout: run `make run PROBLEM={wanted}` first")
    problem, folder = workspace.problem(found), workspace.work(found)
    holdout = pd.read_parquet(folder / "holdout.parquet")
    frame = holdout.sample(min(ROWS, len(holdout)), random_state=0)[problem.feature_names]
    return Trained(
        workspace=workspace,
        problem=problem,
        version=int(read_json(folder / "registered.json")["version"]),
        rows=rows_of(problem, frame),
        expected=outputs(load_pipeline(folder / "model"), problem, frame),
    )


def _is_trained(folder: Path) -> bool:
    return all((folder / file).is_file() for file in NEEDED)
