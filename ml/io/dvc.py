"""DVC as a person would call it: run the stages whose inputs changed, push what they made, bring data back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ml.errors import DataError, UserError
from ml.stages.main import FAILURE_FILE, REASON

STAGES = ("ingest", "clean", "split", "train", "evaluate", "register")


def repro(root: Path, problem: str, *, reason: str) -> None:
    """Rerun the problem's stages whose inputs changed; their events go to standard error as they come.

    Raises DataError with the sentence of the stage that refused its input, UserError for any other failure.
    """
    with tempfile.TemporaryDirectory() as folder:
        failure = Path(folder) / "failure"
        said = _dvc(root, "repro", f"register@{problem}", extra={FAILURE_FILE: str(failure), REASON: reason})
        if failure.exists():
            raise DataError(failure.read_text(encoding="utf-8"))
    if said is not None:
        raise UserError(f"the pipeline of {problem!r} failed: {said}")


def repeat(root: Path, problem: str, stage: str, *, reason: str) -> None:
    """Run one stage again although nothing changed."""
    said = _dvc(root, "repro", "--force", "--single-item", f"{stage}@{problem}", extra={REASON: reason})
    if said is not None:
        raise UserError(f"stage {stage!r} of {problem!r} failed: {said}")


def push(root: Path, problem: str) -> None:
    """Copy what the problem's stages made to the DVC remote."""
    if (said := _dvc(root, "push", *(f"{stage}@{problem}" for stage in STAGES))) is not None:
        raise UserError(f"the data of {problem!r} could not be pushed to the DVC remote: {said}")


def pull(root: Path, problem: str, stage: str) -> None:
    """Bring back what a stage made, from the cache or the remote."""
    if (said := _dvc(root, "pull", f"{stage}@{problem}")) is not None:
        raise UserError(f"the data of {problem!r} could not be restored: {said}")


def setting(root: Path, name: str) -> str:
    """The value of a DVC option, paths made absolute."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "config", name], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UserError(f"dvc config {name} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def configure(root: Path, name: str, value: str) -> None:
    """Set an option in the checkout's uncommitted .dvc/config.local."""
    if (said := _dvc(root, "config", "--local", name, value)) is not None:
        raise UserError(f"dvc config {name} failed: {said}")


def _dvc(root: Path, *arguments: str, extra: dict[str, str] | None = None) -> str | None:
    """None when DVC succeeds, else its last error. Its own messages are dropped, the stages' events passed on."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "true"} | (extra or {})
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    error, traceback = f"dvc {arguments[0]} failed", False
    assert process.stderr is not None
    for line in process.stderr:
        traceback = traceback or line.startswith("Traceback")
        if line.startswith("ERROR: "):
            error = line.removeprefix("ERROR: ").strip()
        elif traceback or _is_event(line):
            sys.stderr.write(line)
    return None if process.wait() == 0 else error


def _is_event(line: str) -> bool:
    """Whether a line is neither DVC's chatter nor the sentence that the caller will say itself."""
    return bool(line.strip()) and not line.startswith(("error: ", "WARNING: ", "To ", "Use `dvc", "\t"))
