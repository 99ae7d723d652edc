"""The gate: who is refused and for which named reason, who passes, and how often luck passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from ml.core.record import Decision
from tests.support.judging import WHEN, candidate, failed, judge, make_holdout, model, reason_of
from tests.support.problems import make_problem

UNJUDGED = ["labels", "leak", "floor:roc_auc", "gain", "slices", "calibration"]


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
    assert decision.rows.model_dump() == rows
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


def test_the_champion_s_own_bundle_is_not_promoted_again() -> None:
    frame, score = make_holdout(500)
    decision = judge(frame, model("1", score, 0.5, digest="a" * 64), model("2", score, 0.5, digest="a" * 64))
    assert failed(decision) == ["same_bundle", "gain"]
    assert decision.reason.startswith("Same bundle: ")


def test_a_version_that_a_person_rolled_back_needs_a_person_to_come_again() -> None:
    frame, score = make_holdout(2000)
    champion = model("1", score, 2.0, seed=1)
    challenger = model("2", score, 0.5, seed=2, rolled_back="2026-01-01, wrong prices")
    refused = judge(frame, champion, challenger)
    assert failed(refused) == ["rolled_back"]
    assert "2026-01-01, wrong prices" in refused.reason
    allowed = judge(frame, champion, challenger, again=True)
    assert allowed.promoted
    assert allowed.again


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


@pytest.mark.parametrize(
    ("challenger_synthetic", "champion_synthetic", "promoted"),
    [(True, False, False), (True, True, True), (False, True, True), (False, False, True)],
)
def test_a_model_of_made_up_rows_cannot_unseat_one_of_real_rows(
    challenger_synthetic: bool, champion_synthetic: bool, promoted: bool
) -> None:
    frame, score = make_holdout(2000)
    champion = model("1", score, 2.0, seed=1, synthetic=champion_synthetic)
    challenger = model("2", score, 0.5, seed=2, synthetic=challenger_synthetic)
    decision = judge(frame, champion, challenger)
    assert decision.promoted is promoted
    assert failed(decision) == ([] if promoted else ["synthetic"])


def test_a_first_model_may_be_of_made_up_rows() -> None:
    frame, score = make_holdout(2000)
    assert judge(frame, None, model("1", score, 0.5, synthetic=True)).promoted


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


def test_a_challenger_no_better_than_its_champion_passes_no_more_often_than_the_confidence_allows() -> None:
    """Twins of equal skill, 200 times: at 95 % luck passes one in twenty, and the count stays within that."""
    problem = make_problem(floors={"roc_auc": 0.0}, minimum_rows=100)
    passed = 0
    for seed in range(200):
        frame, score = make_holdout(300, seed)
        champion, challenger = model("1", score, 1.0, seed=seed + 1000), model("2", score, 1.0, seed=seed + 2000)
        passed += judge(frame, champion, challenger, problem, resamples=200, seed=seed).promoted
    assert 0 < passed <= binom.ppf(0.999, 200, 1 - problem.gate.confidence)


def test_a_truly_better_challenger_is_found_most_of_the_time() -> None:
    problem = make_problem(floors={"roc_auc": 0.0}, minimum_rows=100)
    passed = 0
    for seed in range(40):
        frame, score = make_holdout(1000, seed)
        champion, challenger = model("1", score, 1.5, seed=seed + 1000), model("2", score, 0.7, seed=seed + 2000)
        passed += judge(frame, champion, challenger, problem, resamples=100, seed=seed).promoted
    assert passed >= 36


def test_a_decision_is_the_same_for_equal_arguments_and_survives_its_json() -> None:
    frame, score = make_holdout(800)
    pair = model("1", score, 1.0, seed=1), model("2", score, 0.9, seed=2)
    first, again = judge(frame, *pair, seed=4), judge(frame, *pair, seed=4)
    assert first == again
    assert first.gain != judge(frame, *pair, seed=5).gain
    assert Decision.model_validate_json(first.model_dump_json()) == first


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
