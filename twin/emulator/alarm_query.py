"""What an alarm looks at: one metric, or several and a formula over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from twin.emulator.metric_math import Expression, MathError

DISORDER = 60.0
"""Seconds by which a point may come later than one that is younger."""


@dataclass(frozen=True)
class Query:
    """A metric. `period` is in seconds."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    period: int


@dataclass(frozen=True)
class Queries:
    """By id; `returned` is the id of what is compared with the threshold."""

    parts: Mapping[str, Query | Expression]
    returned: str


def queries(alarm: Mapping[str, Any]) -> Queries:
    """Of an alarm as DescribeAlarms gives it. Raises MathError for what could never be evaluated."""
    given = alarm.get("Metrics")
    if not given:
        stat = {"Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"], "Period": alarm["Period"]}
        return Queries({"m": _query({**stat, "Metric": alarm})}, "m")
    parts = {one["Id"]: _part(one) for one in given}
    returned = [one["Id"] for one in given if one.get("ReturnData", True)]
    if len(returned) != 1:
        raise MathError(f"exactly one of an alarm's queries returns data, here {', '.join(returned) or 'none'}")
    for part in parts.values():
        names = part.names if isinstance(part, Expression) else frozenset()
        if unknown := {name for name in names if not isinstance(parts.get(name), Query)}:
            raise MathError(f"an expression reads metrics of its alarm, and {', '.join(sorted(unknown))} is none")
    return Queries(parts, returned[0])


def value_of(asked: Queries, measure: Callable[[Query], float | None]) -> float | None:
    """The value of one period, None without data. `measure` gives a metric's."""
    part = asked.parts[asked.returned]
    if isinstance(part, Query):
        return measure(part)
    return part.value({name: measure(found) for name in part.names if isinstance(found := asked.parts[name], Query)})


def period_of(asked: Queries) -> int:
    return max(part.period for part in asked.parts.values() if isinstance(part, Query))


def within(points: Sequence[Mapping[str, Any]], start: float, end: float) -> list[Mapping[str, Any]]:
    """The points after `start` and up to `end`; not all that there ever were are looked at."""
    late = takewhile(lambda point: point["Timestamp"] > start - DISORDER, reversed(points))
    return [point for point in late if start < point["Timestamp"] <= end]


def _part(given: Mapping[str, Any]) -> Query | Expression:
    return Expression.parse(given["Expression"]) if given.get("Expression") else _query(given["MetricStat"])


def _query(stat: Mapping[str, Any]) -> Query:
    metric = stat["Metric"]
    return Query(
        namespace=metric["Namespace"],
        name=metric["MetricName"],
        dimensions={one["Name"]: one["Value"] for one in metric.get("Dimensions") or ()},
        statistic=stat["Stat"],
        period=int(stat["Period"]),
    )
