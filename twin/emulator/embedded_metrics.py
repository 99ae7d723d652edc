"""Metrics in log lines: the embedded metric format, which CloudWatch Logs reads in every line of every group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST = 100
"""Values of one metric in one line."""
LARGEST = 2.0**360
"""CloudWatch takes no larger value, and none that is not a number."""


@dataclass(frozen=True)
class Datum:
    """`at` is in seconds since 1970; None where the line does not say."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    unit: str
    values: Sequence[float]
    at: float | None


def read(line: str) -> list[Datum]:
    """What a log line counts, which is nothing for nearly all; what is malformed in one counts nothing either."""
    if '"CloudWatchMetrics"' not in line:
        return []
    try:
        document = json.loads(line)
    except ValueError:
        return []
    envelope = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(envelope, dict):
        return []
    seconds = next((at / 1000 for at in _values(envelope.get("Timestamp"))), None)
    directives = _dictionaries(envelope.get("CloudWatchMetrics"))
    return [one for directive in directives for one in _data(directive, document, seconds)]


def _data(directive: Mapping[str, Any], document: Mapping[str, Any], at: float | None) -> Iterator[Datum]:
    namespace = directive.get("Namespace")
    given = directive.get("Dimensions") or [[]]
    sets = [names for names in given if isinstance(names, list)] if isinstance(given, list) else []
    if not isinstance(namespace, str) or not namespace:
        return
    for metric in _dictionaries(directive.get("Metrics")):
        name = str(metric.get("Name"))
        values = _values(document.get(name))
        for names in sets:
            if values and all(isinstance(one, str) and one in document for one in names):
                dimensions = {one: str(document[one]) for one in names}
                yield Datum(namespace, name, dimensions, str(metric.get("Unit") or "None"), values, at)


def _dictionaries(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _values(found: Any) -> list[float]:
    given = found if isinstance(found, list) else [found]
    numbers = [one for one in given[:MOST] if isinstance(one, int | float) and not isinstance(one, bool)]
    return [float(one) for one in numbers if abs(one) <= LARGEST]
