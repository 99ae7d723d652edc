"""The service, the command line and a stock MLflow client give the same numbers for a registered champion."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import Checkout
from tests.support.processes import free_port, wait_until
from tests.support.servers import MlflowServer

STOCK_CLIENT = """
import json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/insurance@champion")
rows = pd.DataFrame(json.load(sys.stdin))
print(json.dumps(model.predict(rows)[:, 1].tolist()))
"""
ROWS: list[dict[str, Any]] = [
    {"Gender": "Male", "Age": 49, "HasDrivingLicense": 1, "RegionID": 28, "Switch": 0, "PastAccident": "1-2 Year",
     "AnnualPremium": 1885.05},
    {"Gender": "Female", "Age": 18, "HasDrivingLicense": 0, "RegionID": 0, "Switch": 1, "PastAccident": "< 1 Year",
     "AnnualPremium": 0.0},
    {"Gender": "Female", "Age": 100, "HasDrivingLicense": 1, "RegionID": 52, "Switch": 0, "PastAccident": "> 2 Years",
     "AnnualPremium": 1000000.0},
]  # fmt: skip


pytestmark = pytest.mark.xdist_group("loop")


def test_with_the_embedded_registry(trained: Checkout, tmp_path: Path) -> None:
    _same_numbers(trained, trained.tracking.uri, tmp_path)


def test_with_a_registry_on_postgresql_and_artifacts_on_s3(
    trained: Checkout, mlflow: MlflowServer, tmp_path: Path
) -> None:
    """What was trained is registered again where the registry does not know it, without training."""
    there = Checkout(trained.root, mlflow.s3.environment | {"MLFLOW_TRACKING_URI": mlflow.uri})
    done = there.evergreen("train", "insurance")
    assert done.code == 0, done.err
    assert "fitted" not in done.err
    assert there.json("promote", "insurance")["verdict"] == "promote"
    _same_numbers(there, mlflow.uri, tmp_path)


def _same_numbers(checkout: Checkout, uri: str, folder: Path) -> None:
    served = _served(checkout)
    typed = checkout.json("predict", "insurance", json.dumps(ROWS))["predictions"]
    assert [row["probability"] for row in typed] == pytest.approx(served, rel=1e-12)
    stock = subprocess.run(
        [sys.executable, "-I", "-c", STOCK_CLIENT, uri],
        input=json.dumps(ROWS), cwd=folder, env=checkout.full_environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert stock.returncode == 0, stock.stderr
    assert json.loads(stock.stdout) == pytest.approx(served, rel=1e-9)


def _served(checkout: Checkout) -> list[float]:
    with _service(checkout) as port:
        singles = [_post(port, "/predict", row)["probability"] for row in ROWS]
        assert _post(port, "/predict/batch", {"rows": ROWS})["probabilities"] == singles
        return singles


@contextmanager
def _service(checkout: Checkout) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "ml.cli", "serve", "insurance", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=checkout.root, env=checkout.full_environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _ready(port), seconds=60)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False


def _post(port: int, path: str, body: Any) -> Any:
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
