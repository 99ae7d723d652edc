"""Where a checkout keeps things, what its params.yaml says, and which registry the environment names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from ml.errors import UserError
from ml.io.tracking import Tracking
from ml.problem import Problem, ProblemError, read_problem
from service.schema import Frozen

LOCK_FILE = Path("requirements") / "ml.txt"


NOT_TRAINING = {"problems", "replayed_rows", "explained_rows"}
"""Params that change what is looked at and not what is made."""


class Params(Frozen):
    """params.yaml: what a person may turn for all problems."""

    problems: tuple[str, ...]
    seed: int = 0
    resamples: int = Field(default=1000, ge=100)
    parity_rows: int = Field(default=1_000_000, ge=1000)
    replayed_rows: int = Field(default=10_000, ge=1)
    explained_rows: int = Field(default=100, ge=10)


@dataclass(frozen=True)
class Workspace:
    """A checkout with dvc.yaml at its root."""

    root: Path
    tracking: Tracking

    @classmethod
    def here(cls) -> Workspace:
        """The checkout that the current folder lies in. Raises UserError outside of one."""
        start = Path.cwd()
        for folder in (start, *start.parents):
            if (folder / "dvc.yaml").is_file() and (folder / "ml" / "problems").is_dir():
                return cls(folder, _named_tracking() or Tracking.embedded(folder / "var"))
        raise UserError(f"{start} is not inside an Evergreen checkout: no dvc.yaml with ml/problems beside it")

    @property
    def bundles(self) -> Path:
        """The service's verified copies of released bundles."""
        return self.root / "var" / "bundles"

    @property
    def captured(self) -> Path:
        """Where this checkout's service keeps its predictions, or the folder that the environment names."""
        return Path(os.environ.get("EVERGREEN_CAPTURE") or self.root / "var" / "capture")

    @property
    def capture_bucket(self) -> str | None:
        """Where deployed services keep theirs."""
        return os.environ.get("EVERGREEN_CAPTURE_BUCKET") or None

    def raw(self, name: str) -> Path:
        return self.root / "data" / "raw" / name

    def work(self, name: str) -> Path:
        return self.root / "data" / "work" / name

    def problem_file(self, name: str) -> Path:
        return self.root / "ml" / "problems" / f"{name}.yaml"

    def problem(self, name: str) -> Problem:
        """Raises UserError in one sentence when the file is missing, wrong, or not listed in params.yaml."""
        try:
            problem = read_problem(self.problem_file(name))
        except ProblemError as error:
            raise UserError(str(error)) from error
        if name not in self.params().problems:
            raise UserError(f"problem {name!r} must be listed under problems in {self.root / 'params.yaml'}")
        return problem

    def params(self) -> Params:
        path = self.root / "params.yaml"
        try:
            return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise UserError(f"{path} cannot be used: {' '.join(str(error).split())}") from error

    def environment_digest(self) -> str:
        """sha256 of the lock file that this environment was installed from."""
        return hashlib.sha256((self.root / LOCK_FILE).read_bytes()).hexdigest()


def _named_tracking() -> Tracking | None:
    """The server that the environment names.

    With EVERGREEN_ARTIFACT_ROOT, such as s3://bucket/mlflow, a problem's artifacts lie under its name there, so that a
    service can be allowed those of its own model only: MLflow's own layout knows numbers. EVERGREEN_TRACKING_PATIENCE
    is for how many seconds a job waits for a server that is away. Raises UserError when it is no such number.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    root = os.environ.get("EVERGREEN_ARTIFACT_ROOT", "").rstrip("/")
    patience = os.environ.get("EVERGREEN_TRACKING_PATIENCE") or "0"
    if not patience.isdigit():
        raise UserError(f"EVERGREEN_TRACKING_PATIENCE must be a whole number of seconds (given: {patience!r})")
    return Tracking(uri, artifact_root=root or None, patience_seconds=float(patience)) if uri else None
