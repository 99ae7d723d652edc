"""How often luck passes the gate, and how often skill does."""

from __future__ import annotations

from scipy.stats import binom

from tests.support.judging import judge, make_holdout, model
from tests.support.problems import make_problem


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
