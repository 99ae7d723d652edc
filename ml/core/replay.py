"""Captured requests, answered again by both models: which decisions change, and what drives the changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.core.explanation import Model, drivers, withheld
from ml.core.record import ChangedRow, Histogram, Latency, Replay
from service.predictor import Vector
from service.schema import Schema, Value

ROLES: tuple[Literal["challenger", "champion"], ...] = ("challenger", "champion")
TOP = 20
BINS = 30
MOVED = 0.1
"""Of a standard deviation of the challenger's outputs: a regression's output that moves further counts as changed."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class CapturedRow:
    """A row of an answered request, with the model that answered; `output` is the probability or the value."""

    request_id: str
    index: int
    time: datetime
    version: str | None
    digest: str
    features: dict[str, Value]
    output: float


def replay(
    rows: Sequence[CapturedRow],
    champion: Model,
    challenger: Model,
    *,
    source: str,
    background: pd.DataFrame,
    latency: Mapping[str, Latency],
    seed: int,
) -> Replay:
    """What both models say to the rows, newest first; rows that one of them does not accept are skipped.

    `background` is what a feature's part in a change is measured against.
    """
    if removed := _removed(champion.schema):
        said = f"Captured rows cannot be scored again: the capture rules {removed}."
        return Replay(status="not_replayable", said=said, source=source, skipped=len(rows))
    fitting = accepted(rows, champion.schema, challenger.schema)
    if not fitting:
        said = f"None of the {len(rows):,} captured rows fits both models: {_misfit(rows[0], champion, challenger)}."
        return Replay(status="not_replayable", said=said, source=source, skipped=len(rows))
    ours, theirs = _outputs(challenger, fitting), _outputs(champion, fitting)
    changed = _changed(challenger.schema, ours, champion.schema, theirs)
    differences = ours - theirs
    return Replay(
        status="replayed",
        said=_said(challenger.schema, int(changed.sum()), len(fitting), ours),
        source=source,
        rows=len(fitting),
        skipped=len(rows) - len(fitting),
        since=min(row.time for row in fitting),
        until=max(row.time for row in fitting),
        changed=int(changed.sum()),
        changed_share=float(changed.mean()),
        mean=float(differences.mean()),
        quantiles={f"{level:g}": float(np.quantile(differences, level)) for level in QUANTILES},
        differences=_histogram(differences),
        top=_top(fitting, champion, challenger, ours, theirs, background, seed),
        latency={role: latency[role] for role in ROLES if role in latency},
    )


def accepted(rows: Sequence[CapturedRow], *schemas: Schema) -> list[CapturedRow]:
    """The rows whose features every schema has and accepts; a row may have others as well."""
    return [row for row in rows if all(_complaint(row, schema) is None for schema in schemas)]


def _complaint(row: CapturedRow, schema: Schema) -> str | None:
    for feature in schema.features:
        if feature.name not in row.features:
            return f"lacks {feature.name!r}"
        if not feature.accepts(row.features[feature.name]):
            return f"has {row.features[feature.name]!r} as {feature.name!r}"
    return None


def _removed(schema: Schema) -> str:
    """What the rules of the model that serves keep from captured rows, in words; empty where they keep all."""
    parts = [
        f"{verb} {', '.join(map(repr, names))}"
        for verb, names in (("drop", schema.capture.drop), ("hash", schema.capture.hash))
        if names
    ]
    return " and ".join(parts)


def _misfit(row: CapturedRow, champion: Model, challenger: Model) -> str:
    for role, model in (("challenger", challenger), ("champion", champion)):
        if complaint := _complaint(row, model.schema):
            return f"the newest {complaint}, which the {role} does not accept"
    return "not one is accepted by both"


def _outputs(model: Model, rows: Sequence[CapturedRow]) -> Vector:
    return model.predict({f.name: [row.features[f.name] for row in rows] for f in model.schema.features})


def _changed(ours: Schema, challenger: Vector, theirs: Schema, champion: Vector) -> npt.NDArray[np.bool_]:
    """Per row whether the decision is another: see `Replay`."""
    if ours.task == "binary":
        return np.not_equal(challenger >= ours.output.threshold, champion >= theirs.output.threshold)
    return np.greater(np.abs(challenger - champion), MOVED * float(challenger.std()))


def _histogram(values: Vector) -> Histogram:
    low, high = float(values.min()), float(values.max())
    room = 1e-9 * max(1.0, abs(low), abs(high))
    if high - low < room:
        low, high = low - room, high + room
    counts, edges = np.histogram(values, bins=BINS, range=(low, high))
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def _said(schema: Schema, changed: int, rows: int, outputs: Vector) -> str:
    share = f"{changed:,} of {rows:,} captured rows ({changed / rows:.2%})"
    if schema.task == "binary":
        return f"The decision is another for {share}."
    distance = f"{MOVED * float(outputs.std()):.4g} {schema.output.unit}".strip()
    return f"The output moves by more than {distance}, a tenth of a standard deviation, for {share}."


def _top(
    rows: Sequence[CapturedRow],
    champion: Model,
    challenger: Model,
    ours: Vector,
    theirs: Vector,
    background: pd.DataFrame,
    seed: int,
) -> tuple[ChangedRow, ...]:
    """The rows that change most, the largest change first; of rows with equal features the newest."""
    order = np.argsort(-np.abs(ours - theirs), kind="stable")
    chosen: dict[tuple[tuple[str, Value], ...], int] = {}
    for place in order.tolist():
        if len(chosen) == TOP or ours[place] == theirs[place]:
            break
        chosen.setdefault(tuple(sorted(rows[place].features.items())), place)
    driving = drivers(challenger, champion, [rows[n].features for n in chosen.values()], background, seed=seed)
    schemas = (champion.schema, challenger.schema)
    shown = {feature.name for schema in schemas for feature in schema.features} - withheld(*schemas)
    return tuple(
        ChangedRow(
            request_id=rows[n].request_id,
            index=rows[n].index,
            time=rows[n].time,
            features={name: value for name, value in rows[n].features.items() if name in shown},
            champion=float(theirs[n]),
            challenger=float(ours[n]),
            drivers=found,
        )
        for n, found in zip(chosen.values(), driving, strict=True)
    )
