"""A fresh clone with small settings, and its commands run as a person would: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ml.io.tracking import Tracking

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = {"parity_rows": 2000, "resamples": 200, "explained_rows": 10}
# Small data gains nothing from threads, and threads that wait for each other on a busy machine burn it.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
IDENTITY = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.com",
}


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Checkout:
    """A clone in a folder of its own; `environment` is added to every command's."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def evergreen(self, *arguments: str) -> Done:
        return self.run(sys.executable, "-m", "ml.cli", *arguments)

    def dvc(self, *arguments: str) -> Done:
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def json(self, *arguments: str) -> Any:
        """The document of an evergreen command that must succeed."""
        done = self.evergreen(*arguments, "--json")
        assert done.code == 0, done.err
        return done.document

    def run(self, *command: str) -> Done:
        done = subprocess.run(
            command, cwd=self.root, env=self.full_environment, capture_output=True, text=True, timeout=300, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @property
    def tracking(self) -> Tracking:
        """The clone's embedded registry."""
        return Tracking.embedded(self.root / "var")

    @property
    def full_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "EVERGREEN_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        return (
            kept | {"PATH": path, "DVC_NO_ANALYTICS": "1", "COLUMNS": "200"} | ONE_THREAD | IDENTITY | self.environment
        )

    def edit(self, path: str, change: dict[str, Any]) -> None:
        """Merge values into a YAML file of the clone, one level deep."""
        file = self.root / path
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for key, value in change.items():
            document[key] = document[key] | value if isinstance(value, dict) else value
        file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def clone(root: Path) -> Checkout:
    """A copy of the files that git tracks or would, committed, with small settings for speed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source = REPOSITORY / name
        if name != "dvc.lock" and source.is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(source.read_bytes())
    checkout = Checkout(root)
    checkout.edit("params.yaml", SMALL)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A clone"]):
        assert checkout.run("git", *command).code == 0
    return checkout
