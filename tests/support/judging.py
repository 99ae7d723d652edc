"""Rows with a known truth, models that see it through noise, and the gate that judges them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml.core.decision import Candidate, decide
from ml.core.frame import Keys
from ml.core.record import Attached, Decision, HttpParity, Reason, Replay
from ml.problem import Problem
from service.predictor import Vector, logistic_vector
from tests.support.decisions import make_lineage
from tests.support.problems import make_problem

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ELSEWHERE: Keys = np.arange(10_000_000, 10_000_100, dtype=np.uint64)
PARITY = HttpParity(rows=64, tolerance=1e-9, single=0.0, batch=0.0)
ATTACHED = Attached(
    replay=Replay(status="not_captured", said="Nothing has been captured yet."),
    explanation=None,
    lineage=make_lineage("a test"),
)


def make_holdout(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Vector]:
    """Rows with a latent score (the best a model can know) and the target drawn from it."""
    rng = np.random.default_rng(seed)
    score = rng.normal(scale=1.5, size=rows)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": rng.lognormal(size=rows),
            "region": rng.choice(["north", "south", "west"], rows),
            "insured": rng.random(rows) < 0.5,
            "_key": rng.permutation(rows).astype(np.uint64),
            "_target": (rng.random(rows) < logistic_vector(score)).astype(float),
        }
    )
    return frame, score


def candidate(version: str, outputs: Vector, **changes: Any) -> Candidate:
    """A model of inputs of its own, trained a day before it is judged on rows elsewhere."""
    content: dict[str, Any] = {
        "digest": f"{version}f" * 32,
        "trained_on": ELSEWHERE,
        "trained_at": WHEN - timedelta(days=1),
        "data_digest": f"{version}d" * 32,
        "params_digest": f"{version}a" * 32,
    }
    return Candidate(version=version, outputs=outputs, **(content | changes))


def model(version: str, score: Vector, noise: float, *, seed: int = 0, **changes: Any) -> Candidate:
    """A model that sees the latent score through noise of its own: the more noise, the worse."""
    seen = score + np.random.default_rng([seed, 1]).normal(scale=noise, size=len(score))
    return candidate(version, logistic_vector(seen), **changes)


def judge(
    frame: pd.DataFrame,
    champion: Candidate | None,
    challenger: Candidate,
    problem: Problem | None = None,
    *,
    resamples: int = 300,
    seed: int = 0,
    again: bool = False,
    parity: HttpParity | None = PARITY,
) -> Decision:
    return decide(
        problem or make_problem(minimum_gain=0.002, floors={"roc_auc": 0.6}),
        frame,
        champion,
        challenger,
        attached=ATTACHED,
        parity=parity,
        resamples=resamples,
        seed=seed,
        decided_at=WHEN,
        again=again,
    )


def failed(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.reasons if not reason.passed]


def reason_of(decision: Decision, rule: str) -> Reason:
    return next(reason for reason in decision.reasons if reason.rule == rule)
