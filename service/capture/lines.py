"""Answered requests as JSON lines. Nothing of it runs while a request waits."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter, time
from typing import Any

from pydantic_core import from_json, to_json

from service.loaded import Loaded
from service.predictor import Vector
from service.schema import CAPTURE_ALL

Outcome = bytes | Vector
"""What was answered: of a row the members that `Loaded.outcome` made, of a batch the outputs."""
Taken = tuple[float, float, str, Loaded, bytes, Outcome]
"""When it began and when it was answered, by `perf_counter`; request id, the model that answered, body, outcome."""
_LINE = b'{"id":"%b","index":%d,"time":"%b",%b,"features":%b,%b,"latency_ms":%.3f}\n'
DIGITS = 32
"""Of a hash: 128 bits, which no two of a table's values share."""
_ROW = re.compile(rb'\{[^"}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"}]*)*\}', re.DOTALL)
"""A row of a valid batch is flat: any other brace stands inside a text."""
_BREAKS = bytes.maketrans(b"\r\n", b"  ")
"""JSON has none inside its texts, so those of a body are white space."""


class Lines:
    """Writes lines under each model's own rules; `key` is mixed into every hash."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._epoch = 0.0
        self._loaded: Loaded | None = None
        self._model = b""
        self._rules = CAPTURE_ALL

    def partitions(self, taken: Iterable[Taken]) -> dict[tuple[str, str], list[Taken]]:
        """What belongs together in a file, by model and hour, as `dt=YYYY-MM-DD/hour=HH`."""
        # Asked anew each time: the two clocks drift.
        self._epoch = time() - perf_counter()
        found: dict[tuple[str, str], list[Taken]] = {}
        for each in taken:
            hour = _hour(int(each[1] + self._epoch) // 3600)
            found.setdefault((each[3].schema.name, hour), []).append(each)
        return found

    def of(self, taken: Taken) -> Iterable[bytes]:
        """One line a row, in the batch's order. Raises ValueError for a body that was never valid."""
        began, ended, request_id, loaded, body, outcome = taken
        if loaded is not self._loaded:
            self._loaded, self._model, self._rules = loaded, _model(loaded), loaded.schema.capture
        identity, when, latency = request_id.encode(), _stamp(ended + self._epoch), 1000.0 * (ended - began)

        def line(index: int, row: bytes, outcome: bytes) -> bytes:
            return _LINE % (identity, index, when, self._model, self._features(row), outcome, latency)

        if isinstance(outcome, bytes):
            return (line(0, body.strip(), outcome),)
        rows = zip(_ROW.finditer(body, body.index(b"[")), outcome.tolist(), strict=True)
        return (line(index, row[0], loaded.outcome(output)) for index, (row, output) in enumerate(rows))

    def _features(self, row: bytes) -> bytes:
        rules = self._rules
        if not (rules.drop or rules.hash):
            return row.translate(_BREAKS)
        values: dict[str, Any] = from_json(row)
        for name in rules.drop:
            del values[name]
        for name in rules.hash:
            values[name] = self._hash(name, values[name])
        return to_json(values)

    def _hash(self, name: str, value: Any) -> str | None:
        """Equal values have equal hashes: 28.0 is 28. That a value is missing says nothing of a person."""
        if value is None:
            return None
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        return hmac.digest(self._key, to_json([name, plain]), "sha256").hex()[:DIGITS]


def rows_of(outcome: Outcome) -> int:
    return 1 if isinstance(outcome, bytes) else len(outcome)


def _stamp(when: float) -> bytes:
    """ISO 8601, UTC, milliseconds."""
    seconds = int(when)
    return b"%b.%03dZ" % (_second(seconds), int(1000 * (when - seconds)))


@lru_cache(maxsize=64)
def _second(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


@lru_cache(maxsize=4)
def _hour(hours: int) -> str:
    return datetime.fromtimestamp(3600 * hours, UTC).strftime("dt=%Y-%m-%d/hour=%H")


def _model(loaded: Loaded) -> bytes:
    return b'"problem":"%b","version":%b,"digest":"%b"' % (
        loaded.schema.name.encode(),
        to_json(loaded.version),
        loaded.digest.encode(),
    )
