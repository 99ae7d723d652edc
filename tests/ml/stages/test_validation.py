"""The stages set rows aside, and the bundle's card says what they said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ml.io.tables import (
    BUNDLE,
    HOLDOUT,
    SET_ASIDE,
    SOURCE,
    TRAIN,
    VALIDATION,
    read_json,
    read_table,
    write_json,
    write_table,
)
from ml.io.tracking import Tracking
from ml.io.workspace import LOCK_FILE, Workspace
from ml.problem import ModelSpec, Problem
from ml.stages.evaluate import evaluate
from ml.stages.train import train
from service.bundle import CARD
from tests.support.checkout import REPOSITORY
from tests.support.problems import make_problem
from tests.support.tables import clean_frame

BOOSTING = ModelSpec(family="gradient_boosting", categories="ordinal", parameters={"max_iter": 10})


def staged(root: Path, problem: Problem, rows: int) -> Path:
    """The folder of a problem's tables after its model was fitted and judged."""
    workspace = Workspace(root, Tracking.embedded(root / "var"))
    (root / LOCK_FILE).parent.mkdir(parents=True)
    shutil.copyfile(REPOSITORY / LOCK_FILE, root / LOCK_FILE)
    (root / "params.yaml").write_text("{problems: [toy], parity_rows: 1000, resamples: 100}")
    work, frame = workspace.work(problem.name), clean_frame(problem, rows + 200)
    write_table(work / TRAIN, frame.iloc[:rows])
    write_table(work / HOLDOUT, frame.iloc[rows:])
    write_json(work / SOURCE, {"kind": "file", "label": "a test", "rows": len(frame)})
    train(workspace, problem)
    evaluate(workspace, problem)
    return work


def card(work: Path) -> Any:
    return read_json(work / BUNDLE / CARD)


def test_a_regressions_card_says_what_its_gate_will_ask_for(tmp_path: Path) -> None:
    calibration = {"coverage": 0.8, "tolerance": 0.05}
    work = staged(tmp_path, make_problem("regression", model=BOOSTING, metric="mae", calibration=calibration), 1_000)
    validation = card(work)["validation"]
    assert validation == read_json(work / VALIDATION)
    assert (validation["metric"], validation["coverage"]) == ("mae", 0.8)
    assert validation["rows"] == len(read_table(work / SET_ASIDE))
    assert validation["low"] < 0.0 < validation["high"]


def test_a_small_table_is_learnt_from_all_the_same_and_that_it_says_nothing_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="evergreen")
    work = staged(tmp_path, make_problem(model=BOOSTING), 150)
    said = [record.message for record in caplog.records if record.message.startswith("not validated")]
    assert len(said) == 1
    assert "of 150 training rows would be set aside; 50 are needed" in said[0]
    assert read_json(work / VALIDATION) == {}
    assert card(work)["validation"] is None
