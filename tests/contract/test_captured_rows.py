"""Captured rows are read by what analysts have, and a problem file's rules reach the service that keeps them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from ml.problem import Problem, ProblemError, read_problem
from service.schema import Schema
from service.settings import Settings
from tests.service.running import running
from tests.support.bundles import ROWS, write_bundle

PROBLEMS = Path(__file__).parents[2] / "ml" / "problems"


def test_pandas_reads_a_folder_of_them(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    with running(Settings(bundle=bundle.folder, capture=tmp_path / "capture")) as client:
        client.post("/predict/batch", json={"rows": list(ROWS)})
        answer = client.post("/predict", json=ROWS[0]).json()
    [path] = (tmp_path / "capture").glob("toy/dt=*/hour=*/*.jsonl.gz")
    table = pd.read_json(path, lines=True)
    assert list(table["index"]) == [0, 1, 2, 0]
    assert list(pd.json_normalize(table["features"])["Age"]) == [49, 18, 100, 49]
    assert table["probability"].iloc[-1] == pytest.approx(answer["probability"], abs=1e-12)
    assert pd.to_datetime(table["time"], utc=True).is_monotonic_increasing
    assert pd.api.types.is_float_dtype(table["latency_ms"])


def changed(tmp_path: Path, **capture: object) -> Problem:
    document = yaml.safe_load((PROBLEMS / "insurance.yaml").read_text())
    (tmp_path / "insurance.yaml").write_text(yaml.safe_dump(document | {"capture": capture}))
    return read_problem(tmp_path / "insurance.yaml")


def test_a_problem_file_s_rules_are_in_the_schema_that_a_bundle_carries(tmp_path: Path) -> None:
    schema = changed(tmp_path, share=0.1, drop=["Gender"], hash=["Age"]).schema_
    again = Schema.model_validate_json(schema.model_dump_json())
    assert (again.capture.share, again.capture.drop, again.capture.hash) == (0.1, ("Gender",), ("Age",))


@pytest.mark.parametrize("path", sorted(PROBLEMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_problem_that_says_nothing_keeps_the_digest_of_its_bundles(path: Path) -> None:
    problem = read_problem(path)
    assert "capture" not in problem.model_dump(mode="json")
    assert "capture" not in problem.schema_.model_dump(mode="json")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"drop": ["Shoe"]}, "capture: 'Shoe' is not a feature"),
        ({"drop": ["Age"], "hash": ["Age"]}, "capture: 'Age' is named twice; drop it or hash it"),
        ({"share": 1.5}, "capture.share: Input should be less than or equal to 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused_in_one_sentence(
    tmp_path: Path, rules: dict[str, object], said: str
) -> None:
    with pytest.raises(ProblemError, match=said):
        changed(tmp_path, **rules)
