"""What is asked of the service to prove a bundle: its golden rows, the same with integers as floats, unknown levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import Literal

from service.bundle import Bundle
from service.schema import Feature, Level, Schema, Value
from service.validation import EXACT

Row = dict[str, Value]
Kind = Literal["example", "missing", "bound", "level", "real", "integer_as_float", "unknown_level"]


@dataclass(frozen=True)
class Known:
    """A valid row and scikit-learn's output for it."""

    kind: Kind
    row: Row
    output: float


@dataclass(frozen=True)
class Unknown:
    """The example with a level that the feature does not have: scikit-learn's encoder refuses it, so must we."""

    feature: str
    row: Row


def known(bundle: Bundle) -> tuple[Known, ...]:
    """The golden rows, and those that hold integers once more with each as a float: 49.0 is 49."""
    golden, schema = bundle.golden(), bundle.schema
    pairs = list(zip(golden.rows, golden.outputs, strict=True))
    floats = [(_as_floats(schema, row), row, output) for row, output in pairs]
    return (
        *(Known(_kind(schema, row), row, output) for row, output in pairs),
        *(Known("integer_as_float", changed, output) for changed, row, output in floats if changed is not row),
    )


def unknown(schema: Schema) -> tuple[Unknown, ...]:
    """One row for each category."""
    return tuple(
        Unknown(feature.name, schema.example | {feature.name: _unknown(feature.levels)})
        for feature in schema.features
        if feature.levels
    )


def _kind(schema: Schema, row: Row) -> Kind:
    """Edge rows are the example with one feature changed; all others are real."""
    changed = [feature for feature in schema.features if row[feature.name] != feature.example]
    if not changed:
        return "example"
    (feature, *more), value = changed, row[changed[0].name]
    if more or not (value is None or feature.kind in ("category", "boolean") or value in _bounds(feature)):
        return "real"
    if value is None:
        return "missing"
    return "level" if feature.kind in ("category", "boolean") else "bound"


def _bounds(feature: Feature) -> tuple[float, ...]:
    if feature.minimum is None or feature.maximum is None:
        return ()
    return (feature.minimum, feature.maximum, math.ceil(feature.minimum), math.floor(feature.maximum))


def _as_floats(schema: Schema, row: Row) -> Row:
    """The row itself where it holds no integer that is exact as a float."""
    exact = [feature.name for feature in schema.features if _exact(feature, row[feature.name])]
    return row | {name: float(row[name] or 0) for name in exact} if exact else row


def _exact(feature: Feature, value: Value) -> bool:
    """Levels beyond what a float can tell apart are integers to the service, and nothing else."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and all(isinstance(level, int) and abs(level) <= EXACT for level in feature.levels)


def _unknown(levels: tuple[Level, ...]) -> Level:
    """A level that is none of them."""
    if isinstance(levels[0], int):
        return next(number for number in count() if number not in levels)
    return max(map(str, levels), key=len) + "?"
