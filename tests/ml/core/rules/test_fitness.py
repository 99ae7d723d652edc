"""No slice pays for the gain, a model means what it says, and it stays within its budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.core.record import Cost, Validation
from ml.problem import Cut
from service.predictor import Vector, logistic_vector
from tests.support.judging import candidate, failed, judge, make_holdout, model, reason_of
from tests.support.problems import make_problem

CUTS = ("region", "insured", Cut(feature="age", edges=(40, 60)))
POLICY: dict[str, Any] = {"minimum_rows": 200, "maximum_harm": 0.02}


def spoilt_in_the_south(frame: pd.DataFrame, score: Vector) -> Vector:
    """Nearly perfect knowledge, and the wrong way round in the south."""
    seen = score + np.random.default_rng(3).normal(scale=0.1, size=len(score))
    return logistic_vector(np.where(frame["region"] == "south", -0.02 * seen, seen))


def test_a_better_challenger_that_harms_a_slice_is_rejected_and_the_slice_is_named() -> None:
    frame, score = make_holdout(3000)
    champion = model("1", score, 3.0, seed=1)
    challenger = candidate("2", spoilt_in_the_south(frame, score))
    decision = judge(frame, champion, challenger, make_problem(slices=CUTS, slice_policy=POLICY))
    assert "slices" in failed(decision)
    harmed = [f"{each.feature} {each.level}" for each in decision.slices if each.harmed]
    assert harmed == ["region south"]
    text = reason_of(decision, "slices").text
    assert text.startswith("Harmed slices: 1 of 8 lose more than 0.02 of roc_auc at 95 %, Benjamini-Hochberg: ")
    assert "region south loses 0." in text


def test_only_the_slices_rule_rejects_where_the_whole_gains() -> None:
    frame, score = make_holdout(6000)
    frame["region"] = np.where(np.arange(6000) < 500, "south", "north")
    champion = model("1", score, 2.0, seed=1)
    wrong = np.where(frame["region"] == "south", logistic_vector(score[::-1]), logistic_vector(score))
    decision = judge(frame, champion, candidate("2", wrong), make_problem(slices=CUTS[:1], slice_policy=POLICY))
    assert failed(decision) == ["slices"]
    assert decision.reason.startswith("Harmed slices: 1 of 2 lose")


def test_a_better_challenger_that_harms_no_slice_passes_with_every_slice_in_the_record() -> None:
    frame, score = make_holdout(3000)
    pair = model("1", score, 2.0, seed=1), model("2", score, 0.3, seed=2)
    decision = judge(frame, *pair, make_problem(slices=CUTS, slice_policy=POLICY))
    assert decision.promoted
    assert len(decision.slices) == 8
    for each in decision.slices:
        assert each.gain is not None and each.gain.detectable > 0.0
        assert each.p_value is not None and each.adjusted is not None and each.p_value <= each.adjusted


@pytest.mark.parametrize(
    ("policy", "champion", "sentence"),
    [(None, True, "The policy bounds the harm of no slice."), (POLICY, False, "Compared with no champion")],
)
def test_slices_are_shown_where_they_are_not_judged(
    policy: dict[str, Any] | None, champion: bool, sentence: str
) -> None:
    frame, score = make_holdout(2000)
    old = model("1", score, 2.0, seed=1) if champion else None
    problem = make_problem(slices=CUTS, slice_policy=policy)
    decision = judge(frame, old, candidate("2", spoilt_in_the_south(frame, score)), problem)
    assert reason_of(decision, "slices").passed
    assert reason_of(decision, "slices").text.startswith(sentence)
    assert all(each.challenger is not None and each.p_value is None for each in decision.slices)
    assert all((each.gain is not None) == champion for each in decision.slices)


def test_probabilities_that_do_not_come_true_are_rejected_however_well_they_rank() -> None:
    frame, score = make_holdout(3000)
    champion, challenger = model("1", score, 2.0, seed=1), model("2", score, 0.0)
    problem = make_problem(floors={"roc_auc": 0.6}, calibration={"maximum_error": 0.06})
    boastful = replace(challenger, outputs=logistic_vector(4.0 * score))
    assert judge(frame, champion, challenger, problem).promoted
    decision = judge(frame, champion, boastful, problem)
    assert failed(decision) == ["calibration"]
    assert decision.reason.startswith("Uncalibrated: the expected calibration error is 0.")
    assert decision.champion is not None and decision.champion.calibration is not None
    assert decision.challenger.calibration is not None
    assert decision.challenger.calibration.value > 0.06


def stated(low: float = -0.82, high: float = 0.82, **changes: Any) -> Validation:
    content = {"metric": "r2", "value": 0.9, "standard_error": 0.1, "rows": 1000, "coverage": 0.9}
    return Validation(**(content | {"low": low, "high": high} | changes))


@pytest.mark.parametrize(
    ("validation", "sentence"),
    [
        (stated(), ""),
        (stated(-0.4, 0.4), "Uncalibrated: the stated interval of 90 % holds 5"),
        (stated(-3.0, 3.0), "Uncalibrated: the stated interval of 90 % holds 100.0 %"),
        (stated(-0.8, 0.8, coverage=0.8), "Uncalibrated: the challenger's bundle states an interval of 80 %, and the"),
        (stated(coverage=None), "Uncalibrated: the challenger's bundle states no interval"),
        (None, "Uncalibrated: the challenger's bundle states no interval"),
    ],
)
def test_a_regression_is_calibrated_where_its_stated_interval_holds_what_it_promises(
    validation: Validation | None, sentence: str
) -> None:
    frame, score = make_holdout(2000)
    frame = frame.assign(_target=score)
    problem = make_problem("regression", maximum_gap=5.0, calibration={"coverage": 0.9, "tolerance": 0.03})
    outputs = score + np.random.default_rng(0).normal(scale=0.5, size=2000)
    champion = candidate("1", score + 2.0)
    decision = judge(frame, champion, candidate("2", outputs, validation=validation), problem)
    assert failed(decision) == (["calibration"] if sentence else [])
    assert decision.reason.startswith(sentence)
    assert decision.champion is not None and decision.champion.calibration is None


CHEAP = Cost(latency_ms=1.0, latency_p99_ms=9.0, size_mb=5.0)


@pytest.mark.parametrize(
    ("cost", "rejected", "sentence"),
    [
        (CHEAP, [], ""),
        (CHEAP.model_copy(update={"latency_ms": 1.01}), ["latency"], "Slow: one row takes 1.01 ms of CPU time; the"),
        (CHEAP.model_copy(update={"size_mb": 5.01}), ["size"], "Large: the bundle's files take 5.01 MB; the budget is"),
        (None, ["latency", "size"], "Not measured: the challenger's latency is not known."),
    ],
)
def test_a_bundle_must_stay_within_its_budget(cost: Cost | None, rejected: list[str], sentence: str) -> None:
    frame, score = make_holdout(500)
    problem = make_problem(budget={"latency_ms": 1.0, "size_mb": 5.0})
    decision = judge(frame, None, model("2", score, 0.5, cost=cost), problem)
    assert failed(decision) == rejected
    assert decision.reason.startswith(sentence)
    assert decision.challenger.cost == cost


def test_what_the_policy_does_not_bound_passes_and_says_so() -> None:
    frame, score = make_holdout(500)
    decision = judge(frame, None, model("2", score, 0.5, cost=CHEAP))
    texts = {rule: reason_of(decision, rule).text for rule in ("calibration", "latency", "size")}
    assert texts == {
        "calibration": "The policy does not bound the calibration.",
        "latency": "The policy has no budget for the latency; one row takes 1 ms of CPU time.",
        "size": "The policy has no budget for the size; the bundle's files take 5 MB.",
    }
