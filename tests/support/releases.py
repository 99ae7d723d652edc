"""Versions with decisions on record, as `prove` puts them there, and what a registry then says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ml.core.bootstrap import Interval
from ml.core.record import Decision, Judged, Reason, Rows, record_bytes
from ml.io.artifacts import log_proof
from ml.io.registry import Registry, Version
from tests.support.decisions import make_decision

PAGE = b"<!doctype html><title>a decision</title>"


def judged(version: Version) -> Judged:
    return Judged(
        version=str(version.number), digest=version.digest, metrics={"roc_auc": Interval(value=0.8, low=0.7, high=0.9)}
    )


def judge(
    registry: Registry,
    number: int,
    *,
    against: int | None,
    verdict: Literal["promote", "reject"] = "promote",
    after: timedelta = timedelta(),
    **changes: Any,
) -> Decision:
    """Put a decision on record; `after` moves its time, `changes` replace fields."""
    said = changes.pop("reason", "Better: the gain is 0.1." if verdict == "promote" else "Worse: the gain is -0.1.")
    fields: dict[str, Any] = {
        "problem": registry.name,
        "verdict": verdict,
        "reason": said,
        "reasons": (Reason(rule="gain", passed=verdict == "promote", text=said),),
        "rows": Rows(holdout=500, removed=0, used=500, trained_by_challenger=0, trained_by_champion=0),
        "champion": judged(registry.version(against)) if against else None,
        "challenger": judged(registry.version(number)),
        "decided_at": datetime.now(UTC) + after,
    }
    decision = make_decision(**(fields | changes))
    log_proof(registry, number, record_bytes(decision), PAGE)
    return decision


def aliases(registry: Registry) -> dict[str, int]:
    with registry.tracking.session() as client:
        return {alias: int(number) for alias, number in client.get_registered_model(registry.name).aliases.items()}


def another_line(versions: tuple[Version, ...], registry: Registry) -> Registry:
    """The same versions, with their runs, under another name: logging a run takes seconds."""
    with registry.tracking.session() as client:
        client.create_registered_model(registry.name)
        for version in sorted(versions, key=lambda each: each.number):
            client.create_model_version(registry.name, version.bundle_uri, version.run_id, tags=dict(version.tags))
    return registry
