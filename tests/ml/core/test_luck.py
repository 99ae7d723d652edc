"""How often luck passes the gate, and how often skill does."""

from __future__ import annotations

from scipy.stats import binom

from tests.support.judging import judge, make_holdout, model
from tests.support.problems import make_problem

PROBLEM = make_problem(floors={"roc_auc": 0.0}, minimum_rows=100)


def passes(trials: int, *, rows: int, noise: tuple[float, float], resamples: int) -> int:
    """How many challengers pass; `noise` is the champion's and the challenger's, on fresh rows each time."""
    passed = 0
    for seed in range(trials):
        frame, score = make_holdout(rows, seed)
        champion, challenger = (
            model(version, score, each, seed=seed + offset)
            for version, each, offset in zip("12", noise, (1000, 2000), strict=True)
        )
        passed += judge(frame, champion, challenger, PROBLEM, resamples=resamples, seed=seed).promoted
    return passed


def test_a_challenger_no_better_than_its_champion_passes_no_more_often_than_the_confidence_allows() -> None:
    """Twins of equal skill, 200 times: at 95 % luck passes one in twenty, and the count stays within that."""
    passed = passes(200, rows=300, noise=(1.0, 1.0), resamples=200)
    assert 0 < passed <= binom.ppf(0.999, 200, 1 - PROBLEM.gate.confidence)


def test_a_truly_better_challenger_is_found_most_of_the_time() -> None:
    assert passes(40, rows=1000, noise=(1.5, 0.7), resamples=100) >= 36
