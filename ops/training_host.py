"""What a SageMaker instance runs: `evergreen train` in the checkout that came with the job.

Its result goes where SageMaker collects results, and its last sentence where SageMaker looks for a failure's reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REASON_CHARACTERS = 1024
"""As much of it as SageMaker shows."""


def train_here(home: Path, checkout: Path, environment: Mapping[str, str], *, secrets: Any = None) -> int:
    """Train as the job's parameters say; the exit code. `home` is SageMaker's /opt/ml."""
    wish = json.loads((home / "input" / "config" / "hyperparameters.json").read_text())
    results = home / "model"
    results.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ml.cli", "train", wish["problem"], "--data", wish["data"]]
    with (
        (results / "trained.json").open("wb") as trained,
        subprocess.Popen(
            [*command, "--reason", wish["reason"], "--json"],
            cwd=checkout,
            env={**environment, **_login(environment, secrets)},
            stdout=trained,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        said = _passed_on(process)
    if code := process.returncode:
        _explain(home, f"{said or 'training failed'} (exit code {code})")
        return code
    shutil.copyfile(checkout / "dvc.lock", results / "dvc.lock")
    return 0


def _passed_on(process: subprocess.Popen[str]) -> str:
    """The last line of what is said, while all of it goes to the log."""
    last = ""
    assert process.stderr is not None
    for line in process.stderr:
        sys.stderr.write(line)
        last = line.strip() or last
    return last


def _explain(home: Path, reason: str) -> None:
    (home / "output").mkdir(parents=True, exist_ok=True)
    (home / "output" / "failure").write_text(reason[:REASON_CHARACTERS])


def _login(environment: Mapping[str, str], secrets: Any) -> dict[str, str]:
    """The login for MLflow, fetched here: a job's variables can be read by whoever may describe the job."""
    if not (name := environment.get("TRACKING_SECRET")):
        return {}
    if secrets is None:
        import boto3

        secrets = boto3.client("secretsmanager")
    login = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    return {"MLFLOW_TRACKING_USERNAME": login["username"], "MLFLOW_TRACKING_PASSWORD": login["password"]}


if __name__ == "__main__":
    sys.exit(train_here(Path("/opt/ml"), Path.cwd(), os.environ))
