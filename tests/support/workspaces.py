"""A checkout in miniature: problems, parameters and a git history, with a registry of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import yaml

from ml.io.tracking import Tracking
from ml.io.workspace import LOCK_FILE, Workspace
from ml.problem import Problem
from tests.support.checkout import IDENTITY, REPOSITORY

PARAMS = {"seed": 0, "resamples": 100, "explained_rows": 20}


def make_workspace(root: Path, *problems: Problem) -> Workspace:
    """Committed, but for what `var` and `data` will hold."""
    (root / "ml" / "problems").mkdir(parents=True)
    for problem in problems:
        document = yaml.safe_dump(problem.model_dump(mode="json"), sort_keys=False)
        (root / "ml" / "problems" / f"{problem.name}.yaml").write_text(document, encoding="utf-8")
    (root / "params.yaml").write_text(yaml.safe_dump({"problems": [each.name for each in problems], **PARAMS}))
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / ".gitignore").write_text("/var/\n/data/\n")
    (root / LOCK_FILE).parent.mkdir()
    shutil.copyfile(REPOSITORY / LOCK_FILE, root / LOCK_FILE)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "A checkout")):
        subprocess.run(["git", *arguments], cwd=root, env=IDENTITY, check=True)
    return Workspace(root, Tracking.embedded(root / "var"))


def commit_of(workspace: Workspace) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=workspace.root, capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout.strip()
