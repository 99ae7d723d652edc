"""The page and the record of a decision are put where the person who has to say yes will look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.approval import recorded_decision
from ml.core.record import read_record, record_bytes
from ml.io import tags
from ml.io.artifacts import log_proof
from ml.io.registry import Registry
from ml.io.runs import log_run
from ml.io.tracking import Tracking
from ml.page import decision_page
from ml.report import write_report
from service.bundle import canonical, sha256
from tests.support.releases import judge
from tests.support.runs import training_run

pytestmark = pytest.mark.xdist_group("mlflow-embedded")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Two versions, the first of them released."""
    tracking = Tracking.embedded(tmp_path / "var")
    for number in (1, 2):
        log_run(tracking, training_run(tmp_path, name="reported", offset=0.1 * number))
    registry = Registry(tracking, "reported")
    registry.promote(1, expected=None, by="ada")
    return registry


def test_page_and_record_are_written_beside_each_other(registry: Registry, tmp_path: Path) -> None:
    judge(registry, 2, against=1)
    decision = recorded_decision(registry.tracking, registry.version(2))
    assert decision is not None
    registry.set_challenger(2)
    assert write_report(registry, None, str(tmp_path / "report.html")) == str(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == decision_page(decision)
    assert read_record((tmp_path / "decision.json").read_bytes()) == decision


def test_a_record_from_before_a_field_was_added_keeps_its_digest(registry: Registry, tmp_path: Path) -> None:
    document = json.loads(record_bytes(judge(registry, 2, against=1)))
    del document["left_out"]
    log_proof(registry, 2, canonical(document), b"a page")
    write_report(registry, 2, str(tmp_path / "report.html"))
    written = sha256((tmp_path / "decision.json").read_bytes())
    assert written == registry.version(2).tags[tags.DECISION_SHA256]
