"""Retrain a registered version from what was recorded of it, and see whether the same bundle comes out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml.errors import UserError
from ml.io import dvc, tags
from ml.io.artifacts import fetch_artifact
from ml.io.git import git
from ml.io.log import event
from ml.io.registry import Registry, Version
from ml.io.runs import SOURCE
from ml.io.tables import BUNDLE
from ml.io.workspace import Workspace
from ml.problem import Problem
from service.bundle import read_bundle

RETRAINED = ("clean", "split", "train", "evaluate")


@dataclass(frozen=True)
class Reproduction:
    """What was registered and what came out. `environment` says whether both had the same locked environment."""

    version: Version
    digest: str
    same_environment: bool

    @property
    def same(self) -> bool:
        return self.digest == self.version.digest


def reproduce(workspace: Workspace, problem: Problem, number: int) -> Reproduction:
    """Restore code, parameters and data of a version beside this checkout and run its stages there.

    Nothing here changes and nothing is registered. Raises UserError when a part cannot be restored.
    """
    version = Registry(workspace.tracking, problem.name).version(number)
    with tempfile.TemporaryDirectory(prefix="evergreen-") as folder:
        recorded = fetch_artifact(workspace.tracking, version, SOURCE, Path(folder) / "recorded")
        with _checkout(workspace, version, recorded, Path(folder) / "checkout") as root:
            event("restoring", what="data", stage=f"ingest@{problem.name}")
            dvc.pull(root, problem.name, "ingest")
            for stage in RETRAINED:
                _run(root, stage, problem.name)
            bundle = read_bundle(root / "data" / "work" / problem.name / BUNDLE)
    recorded_environment = version.tags.get(tags.ENVIRONMENT_DIGEST)
    return Reproduction(version, bundle.digest, workspace.environment_digest() == recorded_environment)


@contextmanager
def _checkout(workspace: Workspace, version: Version, recorded: Path, root: Path) -> Iterator[Path]:
    """The recorded commit with the recorded patch, parameters and dvc.lock, sharing this checkout's DVC cache."""
    commit = version.tags.get(tags.GIT_COMMIT, "unknown")
    if commit == "unknown":
        raise UserError(f"version {version.number} was trained outside of git; its code is not known")
    event("restoring", what="code", commit=commit[:12])
    git(workspace.root, "worktree", "add", "--detach", "--force", str(root), commit)
    try:
        if patch := (recorded / "code.patch").read_bytes():
            git(root, "apply", "--whitespace=nowarn", "-", stdin=patch)
        shutil.copyfile(recorded / "dvc.lock", root / "dvc.lock")
        shutil.copyfile(recorded / "params.yaml", root / "params.yaml")
        problem = root / "ml" / "problems" / f"{version.name}.yaml"
        shutil.copyfile(recorded / problem.name, problem)
        _share_dvc(workspace.root, root)
        yield root
    finally:
        git(workspace.root, "worktree", "remove", "--force", str(root))


def _share_dvc(here: Path, there: Path) -> None:
    """Let the other checkout use this one's cache and remote, wherever they are relative to here."""
    local = here / ".dvc" / "config.local"
    if local.exists():
        shutil.copyfile(local, there / ".dvc" / "config.local")
    dvc.configure(there, "cache.dir", str(here / ".dvc" / "cache"))
    remote = dvc.setting(here, "remote.storage.url")
    dvc.configure(there, "remote.storage.url", remote)


def _run(root: Path, stage: str, problem: str) -> None:
    """A stage of the restored code, in this environment."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-m", f"ml.stages.{stage}", problem], cwd=root, env=environment, check=False)
    if done.returncode != 0:
        raise UserError(f"stage {stage!r} of the restored checkout failed; see above")
