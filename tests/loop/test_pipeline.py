"""The DVC pipeline as a person uses it: what reruns, what is refused, what is kept."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ml.core.sampling import sample
from ml.io.dvc import STAGES
from ml.io.registry import Registry
from ml.problem import read_problem
from tests.support.checkout import Checkout
from tests.support.servers import S3

pytestmark = pytest.mark.xdist_group("loop")


def test_only_the_stages_whose_inputs_changed_run_again(trained: Checkout) -> None:
    file = trained.root / "ml" / "problems" / "insurance.yaml"
    before, versions = file.read_bytes(), Registry(trained.tracking, "insurance").versions()
    again = trained.evergreen("train", "insurance", "--json")
    assert again.document["reused"] is True
    assert not {"ingested", "cleaned", "fitted", "evaluated", "registered"} & set(again.err.split())
    _shows_a_clean_state(trained)
    try:
        trained.edit("ml/problems/insurance.yaml", {"gate": {"minimum_rows": 300}})
        changed = trained.evergreen("train", "insurance", "--json")
    finally:
        file.write_bytes(before)
    assert "evaluated" in changed.err.split()
    assert "fitted" not in changed.err.split()
    assert changed.document["reused"] is True
    assert Registry(trained.tracking, "insurance").versions() == versions


def _shows_a_clean_state(trained: Checkout) -> None:
    targets = [f"{stage}@insurance" for stage in STAGES]
    assert json.loads(trained.dvc("status", "--json", *targets).out) == {}
    metrics = json.loads(trained.dvc("metrics", "show", "--json").out)[""]["data"]
    shown = metrics["data/work/insurance/metrics.json"]["data"]["roc_auc"]
    logged = Registry(trained.tracking, "insurance").version(1).metrics
    assert shown == {"value": logged["roc_auc"], "low": logged["roc_auc_low"], "high": logged["roc_auc_high"]}
    plots = trained.dvc("plots", "show", "-o", "var/plots", "data/work/insurance/plots")
    assert plots.code == 0, plots.err
    assert (trained.root / "var" / "plots" / "index.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing column", "'population' is missing"),
        ("duplicate keys", "a key occurs twice in 60 of 120 rows, first at line 62"),
        ("truncated gzip", "truncated"),
    ],
)
def test_bad_data_ends_with_one_sentence_and_nothing_registered(
    trained: Checkout, tmp_path: Path, kind: str, said: str
) -> None:
    path = _spoilt(trained, tmp_path, kind)
    done = trained.evergreen("train", "housing", "--data", str(path), "--json")
    assert done.code == 2
    sentences = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1
    assert path.name in sentences[0]
    assert said in sentences[0]
    assert "Traceback" not in done.err
    assert Registry(trained.tracking, "housing").versions() == ()
    assert not (trained.root / "data" / "raw" / "housing").exists()


def _spoilt(trained: Checkout, folder: Path, kind: str) -> Path:
    problem = read_problem(trained.root / "ml" / "problems" / "housing.yaml")
    table = sample(problem, 60, np.random.default_rng(0)).assign(median_house_value=200_000.0)
    if kind == "missing column":
        table = table.drop(columns="population")
    text = table.to_csv(index=False)
    path = folder / f"{kind.replace(' ', '-')}.csv"
    if kind == "duplicate keys":
        text += text.partition("\n")[2]
    if kind == "truncated gzip":
        path = path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(text.encode())[:-200])
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_data_pushed_to_s3_come_back_after_the_cache_is_gone(trained: Checkout, s3: S3) -> None:
    there = Checkout(trained.root, s3.environment)
    for name, value in (("url", f"s3://{s3.bucket}/dvc"), ("endpointurl", s3.endpoint)):
        assert there.dvc("remote", "modify", "--local", "storage", name, value).code == 0
    stages = [f"{stage}@insurance" for stage in STAGES[:-1]]
    work = trained.root / "data" / "work" / "insurance"
    before = (work / "holdout.parquet").read_bytes()
    try:
        pushed = there.dvc("push", *stages)
        assert pushed.code == 0, pushed.err
        shutil.rmtree(trained.root / ".dvc" / "cache")
        shutil.rmtree(work / "bundle")
        (work / "holdout.parquet").unlink()
        pulled = there.dvc("pull", *stages)
        assert pulled.code == 0, pulled.err
    finally:
        (trained.root / ".dvc" / "config.local").unlink()
    assert (work / "holdout.parquet").read_bytes() == before
    assert (work / "bundle" / "manifest.json").exists()
