"""A decision holds every rule, is the same for equal arguments, and is not made on what has no form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.core.record import read_record, record_bytes
from tests.support.judging import WHEN, failed, judge, make_holdout, model
from tests.support.problems import make_problem


def test_a_decision_is_the_same_for_equal_arguments_and_survives_its_json() -> None:
    frame, score = make_holdout(800)
    pair = model("1", score, 1.0, seed=1), model("2", score, 0.9, seed=2)
    first, again = judge(frame, *pair, seed=4), judge(frame, *pair, seed=4)
    assert first == again
    assert first.gain != judge(frame, *pair, seed=5).gain
    assert read_record(record_bytes(first)) == first


def test_a_decision_records_every_rule_the_policy_and_both_models() -> None:
    frame, score = make_holdout(800)
    problem = make_problem(floors={"roc_auc": 0.6}, guards={"log_loss": 0.1, "brier": 0.1})
    decision = judge(frame, model("1", score, 1.0), model("2", score, 0.2, seed=2), problem)
    assert [reason.rule for reason in decision.reasons] == [
        "unseen_rows", "minimum_rows", "target", "labels", "leak", "parity", "same_bundle", "same_inputs",
        "rolled_back", "synthetic", "first_release", "floor:roc_auc", "gain", "guard:log_loss", "guard:brier",
        "slices", "calibration", "latency", "size",
    ]  # fmt: skip
    assert decision.policy == problem.gate
    assert decision.champion is not None
    assert (decision.champion.version, decision.challenger.version) == ("1", "2")
    assert set(decision.champion.metrics) == set(decision.challenger.metrics) == set(problem.metrics)
    assert (decision.decided_at, decision.format) == (WHEN, 2)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"outputs": np.full(300, np.nan)}, "300 outputs that are not valid"),
        ({"outputs": np.full(300, 1.5)}, "300 outputs that are not valid"),
        ({"outputs": np.zeros(299)}, "299 outputs for 300 rows"),
        ({"trained_on": np.arange(5, dtype=np.int64)}, "does not say as uint64 keys"),
        ({"trained_on": np.array([], dtype=np.uint64)}, "does not say as uint64 keys"),
    ],
)
def test_a_malformed_candidate_cannot_be_decided_on(change: dict[str, Any], complaint: str) -> None:
    frame, score = make_holdout(300)
    good = model("1", score, 1.0)
    for pair in ((good, replace(good, **change)), (replace(good, **change), good)):
        with pytest.raises(ValueError, match=complaint):
            judge(frame, *pair)


def test_malformed_rows_or_a_clock_without_a_zone_cannot_be_decided_on() -> None:
    frame, score = make_holdout(300)
    challenger = model("1", score, 1.0)
    with pytest.raises(ValueError, match="not uint64"):
        judge(frame.assign(_key=frame["_key"].astype(float)), None, challenger)
    with pytest.raises(ValueError, match="not all 0 or 1"):
        judge(frame.assign(_target=2.0), None, challenger)
    with pytest.raises(ValueError, match="not all finite"):
        judge(frame.assign(_target=np.nan), None, challenger, make_problem("regression"))
    with pytest.raises(ValueError, match="need a time zone"):
        judge(frame, None, replace(challenger, trained_at=challenger.trained_at.replace(tzinfo=None)))


def test_every_rule_is_evaluated_even_where_the_first_one_fails() -> None:
    frame, score = make_holdout(150)
    problem = make_problem(floors={"roc_auc": 0.999}, guards={"brier": 0.0}, budget={"latency_ms": 1, "size_mb": 1})
    decision = judge(frame, model("1", score, 0.1), model("2", score, 2.0), problem, parity=None)
    expected = ["minimum_rows", "parity", "floor:roc_auc", "gain", "guard:brier", "latency", "size"]
    assert failed(decision) == expected
    assert decision.reason == next(reason.text for reason in decision.reasons if reason.rule == "minimum_rows")
