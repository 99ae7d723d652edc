"""Where a challenger comes from may refuse it, however good it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml.core.record import HttpParity
from tests.support.judging import PARITY, WHEN, failed, judge, make_holdout, model, reason_of
from tests.support.problems import make_problem


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


@pytest.mark.parametrize(
    ("parity", "sentence"),
    [
        (None, "Not proved over HTTP: the real service was not asked"),
        (PARITY.model_copy(update={"single": 2e-9}), "Skewed: over HTTP 64 golden rows differ"),
        (PARITY.model_copy(update={"batch": 2e-9}), "Skewed: over HTTP 64 golden rows differ"),
        (
            PARITY.model_copy(update={"failure": "The service refused a row."}),
            "Not served as trained: The service refu",
        ),
    ],
)
def test_a_challenger_that_the_real_service_does_not_answer_alike_is_rejected(
    parity: HttpParity | None, sentence: str
) -> None:
    frame, score = make_holdout(2000)
    pair = model("1", score, 2.0, seed=1), model("2", score, 0.5, seed=2)
    decision = judge(frame, *pair, parity=parity)
    assert failed(decision) == ["parity"]
    assert decision.reason.startswith(sentence)
    assert decision.parity == parity


def test_the_same_data_with_the_same_parameters_is_refused_where_the_policy_says_so() -> None:
    frame, score = make_holdout(2000)
    champion = model("1", score, 2.0, seed=1, data_digest="d" * 64, params_digest="a" * 64)
    challenger = model("2", score, 0.5, seed=2, data_digest="d" * 64, params_digest="a" * 64)
    decision = judge(frame, champion, challenger)
    assert failed(decision) == ["same_inputs"]
    assert decision.reason.startswith("Same data, same model parameters as the champion")


def test_the_same_data_with_the_same_parameters_need_only_not_be_worse_where_the_policy_says_so() -> None:
    frame, score = make_holdout(2000)
    problem = make_problem(floors={"roc_auc": 0.6}, same_inputs="not_worse", margin=0.02)
    inputs = {"data_digest": "d" * 64, "params_digest": "a" * 64}
    champion = model("1", score, 1.0, seed=1, **inputs)
    tied, worse = model("2", score, 1.0, seed=2, **inputs), model("3", score, 2.0, seed=3, **inputs)
    decision = judge(frame, champion, tied, problem)
    assert decision.promoted
    assert decision.reason.startswith("Not worse: the gain in roc_auc is")
    assert "data and parameters are the champion's, so the policy asks only" in decision.reason
    assert failed(judge(frame, champion, worse, problem)) == ["gain"]


@pytest.mark.parametrize("unknown", ["data_digest", "params_digest"])
def test_inputs_that_are_not_known_are_not_the_same(unknown: str) -> None:
    frame, score = make_holdout(2000)
    inputs = {"data_digest": "d" * 64, "params_digest": "a" * 64, unknown: ""}
    pair = model("1", score, 2.0, seed=1, **inputs), model("2", score, 0.5, seed=2, **inputs)
    assert judge(frame, *pair).promoted


def test_a_first_release_is_refused_where_the_policy_says_so() -> None:
    frame, score = make_holdout(2000)
    challenger = model("2", score, 0.5)
    refused = judge(frame, None, challenger, make_problem(no_champion="refuse"))
    assert failed(refused) == ["first_release"]
    assert "let `no_champion: floors` in the problem file allow the first one" in refused.reason
    allowed = judge(frame, None, challenger, make_problem(no_champion="floors"))
    assert "the floors decide a first release" in reason_of(allowed, "first_release").text
    assert judge(frame, model("1", score, 2.0), challenger, make_problem(no_champion="refuse")).promoted


@pytest.mark.parametrize(("days", "promoted"), [(31, True), (30, False)])
def test_an_old_champion_may_be_replaced_by_a_challenger_that_is_not_worse(days: int, promoted: bool) -> None:
    frame, score = make_holdout(2000)
    problem = make_problem(floors={"roc_auc": 0.6}, freshness={"days": 30}, margin=0.02)
    champion = model("1", score, 1.0, seed=1, trained_at=WHEN - timedelta(days=days))
    decision = judge(frame, champion, model("2", score, 1.0, seed=2), problem)
    assert decision.champion_days == days
    assert decision.promoted == promoted
    if promoted:
        assert "the champion is 31 days old, more than 30, so the policy asks only" in decision.reason


def test_an_old_champion_is_not_replaced_by_a_worse_challenger() -> None:
    frame, score = make_holdout(2000)
    problem = make_problem(floors={"roc_auc": 0.6}, freshness={"days": 30}, margin=0.02)
    champion = model("1", score, 0.5, seed=1, trained_at=WHEN - timedelta(days=400))
    decision = judge(frame, champion, model("2", score, 2.0, seed=2), problem)
    assert failed(decision) == ["gain"]
    assert decision.reason.startswith("Worse: ")


def test_not_worse_is_asked_of_the_bound_and_not_of_the_estimate() -> None:
    """On 300 rows a tie may as well be a loss of more than the margin."""
    frame, score = make_holdout(300)
    problem = make_problem(floors={"roc_auc": 0.6}, freshness={"days": 30}, margin=0.005)
    champion = model("1", score, 1.0, seed=1, trained_at=WHEN - timedelta(days=400))
    decision = judge(frame, champion, model("2", score, 1.0, seed=2), problem)
    assert decision.gain is not None and decision.gain.low < -0.005 < decision.gain.value
    assert failed(decision) == ["gain"]
    assert decision.reason.startswith("Inconclusive, it may be worse: ")
