"""Better models are released, others are not, and a person can go back: on real flights, in processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.io.registry import Registry
from tests.support.checkout import Checkout, clone
from tests.support.processes import free_port, wait_until

pytestmark = pytest.mark.xdist_group("release")

WEAK = {"parameters": {"max_iter": 8, "learning_rate": 0.3, "max_leaf_nodes": 4}}
GOOD = {"parameters": {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 100}}
FILE = "ml/problems/flights.yaml"


def aliases(checkout: Checkout) -> dict[str, int]:
    versions = Registry(checkout.tracking, "flights").versions()
    return {alias: version.number for version in versions for alias in version.aliases}


def train(checkout: Checkout, model: dict[str, Any]) -> int:
    checkout.edit(FILE, {"model": model})
    return int(checkout.json("train", "flights", "--until", "2013-01")["version"])


def test_the_loop_releases_what_is_better_and_remembers_what_was_rolled_back(tmp_path: Path) -> None:
    checkout = clone(tmp_path / "clone")
    checkout.edit(FILE, {"gate": {"floors": {"roc_auc": 0.55}}})
    empty = checkout.evergreen("rollback", "flights")
    assert (empty.code, empty.err.count("\n")) == (2, 1)

    weak = train(checkout, WEAK)
    assert checkout.json("promote", "flights")["verdict"] == "promote"
    assert aliases(checkout) == {"champion": weak}

    good = train(checkout, GOOD)
    assert aliases(checkout) == {"champion": weak, "challenger": good}
    assert checkout.json("prove", "flights")["champion"]["version"] == str(weak)
    assert aliases(checkout)["champion"] == weak
    decision = checkout.json("promote", "flights")
    assert decision["gain"]["low"] > 0
    assert aliases(checkout) == {"champion": good, "previous": weak}

    worse = checkout.evergreen("promote", "flights", "--version", str(weak), "--json")
    assert worse.code == 3
    assert worse.document["reason"].startswith("Worse")
    assert aliases(checkout)["champion"] == good
    recorded = json.loads((checkout.root / "data" / "work" / "flights" / "decision.json").read_bytes())
    assert recorded["verdict"] == "reject"

    assert checkout.json("rollback", "flights", "--reason", "a test")["champion"]["version"] == weak
    assert aliases(checkout) == {"champion": weak, "previous": good}
    refused = checkout.evergreen("promote", "flights", "--version", str(good), "--json")
    assert refused.code == 3
    assert "a test" in refused.document["reason"]
    assert checkout.json("promote", "flights", "--version", str(good), "--again")["verdict"] == "promote"
    assert aliases(checkout) == {"champion": good, "previous": weak}
    _runs_serves_and_ends(checkout, good)


def _runs_serves_and_ends(checkout: Checkout, champion: int) -> None:
    """`evergreen run` on what is already trained: serves the champion, follows a rollback, ends on Ctrl-C."""
    port = free_port()
    command = [sys.executable, "-m", "ml.cli", "run", "flights", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=checkout.root, env=checkout.full_environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_until(lambda: _version(checkout, port) == champion, seconds=60)
        taken = checkout.evergreen("serve", "flights", "--port", str(port))
        assert taken.code == 2
        assert f"port {port}" in taken.err.splitlines()[-1]
        back = checkout.json("rollback", "flights")["champion"]["version"]
        wait_until(lambda: _version(checkout, port) == back, seconds=30)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"curl -s http://127.0.0.1:{port}/predict" in said.decode()
    assert "Traceback" not in said.decode()


def _version(checkout: Checkout, port: int) -> int | None:
    problem = yaml.safe_load((checkout.root / FILE).read_text(encoding="utf-8"))
    row = {feature["name"]: feature["example"] for feature in problem["features"]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict", json.dumps(row).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(json.load(answer)["model"]["version"])
    except OSError:
        return None
