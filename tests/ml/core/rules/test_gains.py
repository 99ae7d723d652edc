"""A challenger is better, or it is told in which way it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.core.rules.words import number
from tests.support.judging import failed, judge, make_holdout, model
from tests.support.problems import make_problem


def test_a_better_challenger_is_promoted() -> None:
    frame, score = make_holdout(2000)
    decision = judge(frame, model("1", score, 2.0, seed=1), model("2", score, 0.5, seed=2))
    assert decision.promoted
    assert failed(decision) == []
    assert decision.reason.startswith("Better: the gain in roc_auc is")
    assert decision.gain is not None
    assert 0.002 < decision.gain.low < decision.gain.value < decision.gain.high


def test_a_worse_challenger_is_rejected() -> None:
    frame, score = make_holdout(2000)
    decision = judge(frame, model("1", score, 0.5, seed=1), model("2", score, 2.0, seed=2))
    assert decision.verdict == "reject"
    assert failed(decision) == ["gain"]
    assert decision.reason.startswith("Worse: the gain in roc_auc is -")


def test_a_tied_challenger_is_rejected_with_the_difference_that_these_rows_could_show() -> None:
    frame, score = make_holdout(2000)
    decision = judge(frame, model("1", score, 1.0, seed=1), model("2", score, 1.0, seed=2))
    assert decision.verdict == "reject"
    assert failed(decision) == ["gain"]
    assert decision.gain is not None
    assert decision.reason.startswith("Inconclusive: ")
    assert f"these rows show a difference of {decision.gain.detectable:.4g} or more in four of five" in decision.reason


def test_a_real_gain_below_the_policy_is_rejected_as_too_small() -> None:
    frame, score = make_holdout(2000)
    problem = make_problem(minimum_gain=0.5, floors={"roc_auc": 0.6})
    decision = judge(frame, model("1", score, 2.0, seed=1), model("2", score, 0.5, seed=2), problem)
    assert failed(decision) == ["gain"]
    assert decision.reason.startswith("Too small: ")


def test_without_a_champion_the_floor_alone_decides() -> None:
    frame, score = make_holdout(2000)
    decision = judge(frame, None, model("2", score, 0.5))
    assert decision.promoted
    assert decision.champion is None
    assert decision.gain is None
    assert decision.reason.startswith("roc_auc is 0.")
    below = judge(frame, None, model("2", score, 50.0))
    assert failed(below) == ["floor:roc_auc"]
    assert below.reason.startswith("Below the floor: roc_auc is 0.")


def test_a_better_challenger_below_the_floor_is_rejected() -> None:
    frame, score = make_holdout(2000)
    champion, challenger = model("1", score, 50.0, seed=1), model("2", score, 1.0, seed=2)
    assert failed(judge(frame, champion, challenger, make_problem(floors={"roc_auc": 0.95}))) == ["floor:roc_auc"]


def test_a_floor_on_an_error_is_a_ceiling() -> None:
    frame, score = make_holdout(1000)
    frame = frame.assign(_target=score)
    close = replace(model("2", score, 0.1), outputs=score + 0.1)
    problem = make_problem("regression", metric="rmse", floors={"rmse": 0.2})
    assert judge(frame, None, close, problem).promoted
    far = judge(frame, None, replace(close, outputs=score + 0.3), problem)
    assert far.reason.startswith("Above the ceiling: rmse is 0.3 (0.3 to 0.3), above the ceiling of 0.2")


def test_a_gain_in_a_regression_error_is_judged_downwards() -> None:
    frame, score = make_holdout(1000)
    frame = frame.assign(_target=score)
    rng = np.random.default_rng(1)
    champion = replace(model("1", score, 0.1), outputs=score + rng.normal(scale=0.5, size=1000))
    challenger = replace(model("2", score, 0.1), outputs=score + rng.normal(scale=0.3, size=1000))
    problem = make_problem("regression", metric="rmse", floors={"rmse": 1.0}, guards={"mae": 0.0})
    assert judge(frame, champion, challenger, problem).promoted
    assert failed(judge(frame, challenger, champion, problem)) == ["gain", "guard:mae"]


def test_harm_to_a_guard_metric_rejects_a_better_ranking() -> None:
    """A sharper ranking with spoilt probabilities: ROC AUC rises, the Brier score suffers."""
    frame, score = make_holdout(2000)
    champion, challenger = model("1", score, 1.5, seed=1), model("2", score, 0.1, seed=2)
    spoilt = replace(challenger, outputs=challenger.outputs * 0.1)
    strict = make_problem(floors={"roc_auc": 0.6}, guards={"brier": 0.01})
    decision = judge(frame, champion, spoilt, strict)
    assert failed(decision) == ["guard:brier"]
    assert decision.reason.startswith("Harm: brier loses 0.")
    assert decision.guards["brier"].value < -0.01
    assert judge(frame, champion, spoilt, make_problem(floors={"roc_auc": 0.6}, guards={"brier": 0.9})).promoted
    assert judge(frame, champion, challenger, strict).promoted


def test_equal_outputs_are_called_so_and_not_a_tie() -> None:
    frame, score = make_holdout(500)
    champion, challenger = model("1", score, 0.5), model("2", score, 0.5)
    decision = judge(frame, champion, challenger)
    assert failed(decision) == ["gain"]
    assert decision.reason.startswith("Equal outputs: both models give the same output on every row")


def test_a_guard_says_that_it_goes_by_the_point_estimate() -> None:
    frame, score = make_holdout(500)
    problem = make_problem(floors={"roc_auc": 0.6}, guards={"brier": 0.5})
    decision = judge(frame, model("1", score, 2.0, seed=1), model("2", score, 0.5, seed=2), problem)
    assert next(r for r in decision.reasons if r.rule == "guard:brier").text.endswith("allowed, by the point estimate.")


def test_no_difference_in_a_metric_whose_small_values_are_better_is_zero_without_a_sign() -> None:
    frame, score = make_holdout(500)
    same = model("1", score, 0.5, seed=1)
    problem = make_problem(floors={"roc_auc": 0.6}, guards={"brier": 0.0})
    decision = judge(frame, same, replace(same, version="2", digest="2" * 64), problem)
    [text] = [reason.text for reason in decision.reasons if reason.rule == "guard:brier"]
    assert text.startswith("brier gains 0, between 0 and 0 ")
    assert number(-0.0) == "0"
