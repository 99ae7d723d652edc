"""Replays and explanations with the shape of real ones: many rows, every feature, values from a seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ml.core.record import ChangedRow, Dependence, Driver, Effect, Explanation, Histogram, Latency, Replay
from ml.problem import Problem
from service.schema import Feature, Value

UNTIL = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_POINTS = 200


def replayed(problem: Problem, source: str, *, rows: int = 5000, changed: int = 212) -> Replay:
    """A binary problem's captured rows, of which `changed` cross the threshold."""
    rng = np.random.default_rng(1)
    differences = rng.normal(0.002, 0.021, rows)
    counts, edges = np.histogram(differences, bins=20, range=(-0.1, 0.1))
    return Replay(
        status="replayed",
        said=f"{rows:,} captured rows were scored again by both models.",
        source=source,
        rows=rows,
        skipped=37,
        since=UNTIL - timedelta(hours=31),
        until=UNTIL,
        changed=changed,
        changed_share=changed / rows,
        mean=float(differences.mean()),
        quantiles={f"{q:g}": float(np.quantile(differences, q)) for q in (0.01, 0.05, 0.5, 0.95, 0.99)},
        differences=Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist())),
        top=tuple(_changed(problem, rng, place) for place in range(20)),
        latency={
            "challenger": Latency(median_ms=0.32, p99_ms=0.61),
            "champion": Latency(median_ms=0.27, p99_ms=0.55),
        },
    )


def explained(problem: Problem, *, champion: bool) -> Explanation:
    """Every feature has a part, each smaller than the one before; the first four have their dependence."""
    rng = np.random.default_rng(2)
    unit = 0.07 if problem.task == "binary" else 46_000.0
    sizes = np.array([unit * 0.62**place for place in range(len(problem.features))])
    effects = tuple(
        Effect(
            feature=feature.name,
            mean_absolute=float(size),
            share=float(size / sizes.sum()),
            points=tuple(
                (value(feature, float(at)), float(1.9 * size * ((at - 0.5) * 2.0 + rng.normal(0.0, 0.4))))
                for at in rng.random(_POINTS)
            ),
        )
        for feature, size in zip(problem.features, sizes, strict=True)
    )
    return Explanation(
        method="TreeSHAP (interventional), shap 0.51",
        rows=_POINTS,
        background=100,
        base=0.23 if problem.task == "binary" else 206_400.0,
        effects=effects,
        dependence=tuple(_dependence(feature, unit, champion=champion) for feature in problem.features[:5]),
    )


def value(feature: Feature, at: float) -> Value:
    """A valid value at a place between 0 and 1 of the feature's range; missing now and then where it may be."""
    if feature.nullable and at > 0.96:
        return None
    if feature.kind == "boolean":
        return at > 0.5
    if feature.levels:
        return feature.levels[int(at * len(feature.levels))]
    assert feature.minimum is not None and feature.maximum is not None
    found = feature.minimum + at * (feature.maximum - feature.minimum)
    return round(found) if feature.kind == "integer" else round(found, 3)


def _changed(problem: Problem, rng: np.random.Generator, place: int) -> ChangedRow:
    features = {feature.name: value(feature, float(rng.random())) for feature in problem.features}
    before = float(rng.uniform(0.3, 0.6))
    drivers = tuple(
        Driver(feature=name, value=features[name], challenger=part, champion=part - gap)
        for name, part, gap in zip(list(features)[:3], (0.11, -0.04, 0.02), (0.07, -0.03, 0.01), strict=True)
    )
    return ChangedRow(
        request_id=f"01hf{place:04d}-6f1c-7c3e-9b2a-{rng.integers(16**11):012x}",
        index=place % 3,
        time=UNTIL - timedelta(minutes=7 * place),
        features=features,
        champion=before,
        challenger=before + (-1) ** place * (0.19 - 0.005 * place),
        drivers=drivers,
    )


def _dependence(feature: Feature, unit: float, *, champion: bool) -> Dependence:
    count = min(len(feature.levels), 12) if feature.levels else 2 if feature.kind == "boolean" else 20
    places = np.linspace(0.0, 0.95, count)
    outputs = 3.0 * unit + unit * np.sin(3.0 * places)
    values = tuple(dict.fromkeys(value(feature, float(at)) for at in places))
    outputs = outputs[: len(values)]
    other = tuple((outputs * 0.97 + 0.1 * unit).tolist()) if champion else None
    return Dependence(feature=feature.name, values=values, outputs=tuple(outputs.tolist()), champion=other)
