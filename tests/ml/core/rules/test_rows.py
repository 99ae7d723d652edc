"""Rows judge only where no model saw them, where they are enough, rightly labelled, and give nothing away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.core.frame import digest_of
from ml.core.record import Validation
from tests.support.judging import candidate, failed, judge, make_holdout, model, reason_of
from tests.support.problems import make_problem

UNJUDGED = ["labels", "leak", "floor:roc_auc", "gain", "slices", "calibration"]


@pytest.mark.parametrize("feature", ["age", "income", "region", "insured"])
def test_a_target_copied_into_a_feature_is_rejected_as_leaky_however_good_the_challenger(feature: str) -> None:
    frame, score = make_holdout(1000)
    copies: dict[str, pd.Series[Any]] = {
        "region": frame["_target"].map({0.0: "north", 1.0: "south"}),
        "insured": frame["_target"] == 1.0,
    }
    leaky = frame.copy()
    leaky[feature] = copies.get(feature, frame["_target"])
    cheat = replace(model("2", score, 0.0), outputs=frame["_target"].to_numpy())
    decision = judge(leaky, model("1", score, 1.0), cheat)
    assert decision.verdict == "reject"
    assert failed(decision) == ["leak"]
    assert decision.reason.startswith(f"Leaky data: {feature} alone reaches ROC AUC 1,")
    assert not judge(leaky, None, cheat).promoted
    assert judge(frame, model("1", score, 1.0), cheat).promoted


def test_a_challenger_that_was_trained_on_the_holdout_is_rejected_for_lack_of_rows() -> None:
    frame, score = make_holdout(1000)
    cheat = replace(model("2", score, 0.0, trained_on=frame["_key"].to_numpy()), outputs=frame["_target"].to_numpy())
    decision = judge(frame, model("1", score, 1.0), cheat)
    assert decision.verdict == "reject"
    rows = {"holdout": 1000, "removed": 1000, "used": 0, "trained_by_challenger": 1000, "trained_by_champion": 0}
    assert decision.rows.model_dump() == rows | {"digest": digest_of(frame)}
    assert decision.reason.startswith("Too few rows: 0 are left after 1,000 that a model was trained on were taken out")
    assert failed(decision) == ["minimum_rows", "target", *UNJUDGED]
    assert decision.challenger.metrics == {}


@pytest.mark.parametrize("cheater", ["champion", "challenger"])
def test_rows_that_either_model_was_trained_on_do_not_count(cheater: str) -> None:
    """Outputs that are perfect on the rows seen, and noise elsewhere, must look like noise."""
    frame, score = make_holdout(2000)
    seen = np.arange(2000) < 1000
    memory = np.where(seen, frame["_target"], np.random.default_rng(9).random(2000))
    cheat = candidate("9", memory, trained_on=frame["_key"].to_numpy()[seen])
    honest = model("1", score, 0.5)
    pair = (cheat, honest) if cheater == "champion" else (honest, cheat)
    decision = judge(frame, *pair)
    assert (decision.rows.removed, decision.rows.used) == (1000, 1000)
    by_each = "the challenger on 0, the champion on 1,000" if cheater == "champion" else "the challenger on 1,000"
    assert by_each in reason_of(decision, "unseen_rows").text
    judged = decision.champion if cheater == "champion" else decision.challenger
    assert judged is not None
    assert judged.metrics["roc_auc"].value == pytest.approx(0.5, abs=0.06)
    assert decision.promoted == (cheater == "champion")


@pytest.mark.parametrize(("rows", "passes"), [(199, False), (200, True)])
def test_the_least_number_of_rows_is_a_sharp_bound(rows: int, passes: bool) -> None:
    frame, score = make_holdout(rows)
    decision = judge(frame, None, model("2", score, 0.1))
    assert decision.promoted == passes
    assert passes or decision.reason == "Too few rows: 199 are left, and the policy asks for 200 at least."


def test_a_target_with_one_class_is_rejected_and_no_number_is_made_up() -> None:
    frame, score = make_holdout(500)
    decision = judge(frame.assign(_target=0.0), model("1", score, 1.0), model("2", score, 0.1))
    assert failed(decision) == ["target", *UNJUDGED]
    assert decision.reason == "The target has one value only on the rows that are left."
    assert decision.gain is None
    assert decision.challenger.metrics == {}


def validated(value: float, metric: str = "roc_auc", standard_error: float = 0.005) -> Validation:
    return Validation(metric=metric, value=value, standard_error=standard_error, rows=2000)


def test_a_holdout_with_wrong_labels_is_rejected_because_training_rows_said_better() -> None:
    """A third of the labels turned around: both models fall alike, so no comparison of them would notice."""
    frame, score = make_holdout(3000)
    problem = make_problem(minimum_gain=0.002, floors={"roc_auc": 0.6}, maximum_gap=0.03)
    champion, challenger = model("1", score, 2.0, seed=1), model("2", score, 0.3, seed=2)
    honest = judge(frame, champion, challenger, problem)
    challenger = replace(challenger, validation=validated(honest.challenger.metrics["roc_auc"].value))
    assert judge(frame, champion, challenger, problem).promoted
    turned = np.random.default_rng(5).random(3000) < 1 / 3
    mislabelled = frame.assign(_target=np.where(turned, 1.0 - frame["_target"], frame["_target"]))
    decision = judge(mislabelled, champion, challenger, problem)
    assert failed(decision) == ["labels"]
    assert decision.reason.startswith("The holdout disagrees with the training rows; its labels or rows are in doubt:")


def test_a_gap_that_chance_explains_is_not_held_against_the_labels() -> None:
    frame, score = make_holdout(1000)
    challenger = model("2", score, 0.3)
    value = judge(frame, None, challenger).challenger.metrics["roc_auc"].value
    problem = make_problem(maximum_gap=0.001)
    sure, unsure = validated(value + 0.05, standard_error=0.0), validated(value + 0.05, standard_error=0.04)
    assert failed(judge(frame, None, replace(challenger, validation=sure), problem)) == ["labels"]
    assert judge(frame, None, replace(challenger, validation=unsure), problem).promoted


def test_a_gap_in_an_error_is_one_upwards() -> None:
    frame, score = make_holdout(1000)
    frame = frame.assign(_target=score)
    problem = make_problem("regression", metric="rmse", floors={"rmse": 1.0}, maximum_gap=0.1)
    outputs = score + np.random.default_rng(0).normal(scale=0.5, size=1000)
    for value, expected in ((0.3, ["labels"]), (0.7, [])):
        given = candidate("2", outputs, validation=validated(value, "rmse"))
        assert failed(judge(frame, None, given, problem)) == expected


@pytest.mark.parametrize("validation", [None, validated(0.99, metric="brier")])
def test_labels_that_no_validation_speaks_of_are_said_not_to_be_judged(validation: Validation | None) -> None:
    frame, score = make_holdout(500)
    decision = judge(frame, None, model("2", score, 0.3, validation=validation))
    assert decision.promoted
    assert "labels could not be judged" in reason_of(decision, "labels").text
