"""Answered requests as JSON lines. Nothing of it runs while a request waits."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from service.loaded import Loaded
from service.predictor import Vector
from service.schema import CaptureRules

Taken = tuple[float, float, str, Loaded, bytes, float | Vector]
"""When it was answered, seconds that it took, request id, the model that answered, body, output or outputs."""
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

    def of(self, taken: Taken) -> Iterator[bytes]:
        """One line a row, in the batch's order. Raises ValueError for a body that was never valid."""
        when, seconds, request_id, loaded, body, outputs = taken
        start = f'{{"id":"{request_id}","index":'
        middle = f',"time":"{stamp(when)}",{_model(loaded)},"features":'
        end = f',"latency_ms":{1000.0 * seconds:.3f}}}\n'
        for index, (features, output) in enumerate(self._rows(loaded, body, outputs)):
            yield f"{start}{index}{middle}".encode() + features + f",{loaded.outcome(output)}{end}".encode()

    def _rows(self, loaded: Loaded, body: bytes, outputs: float | Vector) -> Iterable[tuple[bytes, float]]:
        rules = loaded.schema.capture
        if isinstance(outputs, float):
            return [(self._features(rules, body.strip()), outputs)]
        rows = (match[0] for match in _ROW.finditer(body, body.index(b"[")))
        return zip((self._features(rules, row) for row in rows), outputs.tolist(), strict=True)

    def _features(self, rules: CaptureRules, row: bytes) -> bytes:
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


def partitions(taken: Iterable[Taken]) -> dict[tuple[str, str], list[Taken]]:
    """What belongs together in a file, by model and hour, as `dt=YYYY-MM-DD/hour=HH`."""
    found: dict[tuple[str, str], list[Taken]] = {}
    for each in taken:
        found.setdefault((each[3].schema.name, _hour(int(each[0]) // 3600)), []).append(each)
    return found


def stamp(when: float) -> str:
    """ISO 8601, UTC, milliseconds."""
    seconds = int(when)
    return f"{_second(seconds)}.{int(1000 * (when - seconds)):03d}Z"


def rows_of(outputs: float | Vector) -> int:
    return 1 if isinstance(outputs, float) else len(outputs)


def chunks(lines: Iterable[bytes], size: int) -> Iterator[tuple[int, bytes]]:
    """How many lines, and those joined: compressing line by line costs more than the compression."""
    waiting: list[bytes] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == size:
            yield size, b"".join(waiting)
            waiting = []
    yield len(waiting), b"".join(waiting)


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4)
def _hour(hours: int) -> str:
    return datetime.fromtimestamp(3600 * hours, UTC).strftime("dt=%Y-%m-%d/hour=%H")


def _model(loaded: Loaded) -> str:
    version = to_json(loaded.version).decode()
    return f'"problem":"{loaded.schema.name}","version":{version},"digest":"{loaded.digest}"'
