"""Whether the real service, as a process that is asked over HTTP, gives scikit-learn's outputs for a bundle."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ml.core.record import HttpParity
from ml.proof.golden_calls import Known, Unknown, known, unknown
from ml.proof.served import RefusedBundleError, Served, serving
from service.bundle import Bundle
from service.predictor import largest_difference
from service.schema import Task, Value

BATCH_ROWS = 1_000
BATCH_BYTES = 1_000_000
"""Both well below what the service takes."""
FIELDS: dict[Task, tuple[str, str]] = {
    "binary": ("probability", "probabilities"),
    "regression": ("prediction", "predictions"),
}


class _WrongAnswerError(Exception):
    """The service did not answer as it must; the message is one sentence."""


def prove_over_http(bundle: Bundle) -> HttpParity:
    """Ask a service of its own for every golden row, alone and in a batch.

    Integers are sent as floats too, and levels that do not exist must be refused with status 422 naming the feature.
    A bundle that the service does not load, or an answer that is none, is a parity that does not hold. Raises
    ProofError when the service does not start for another reason.
    """
    rows, tolerance = known(bundle), min(bundle.golden().tolerance, bundle.manifest.content.parity.tolerance)
    try:
        with serving(bundle) as served:
            return _compare(served, bundle, rows, tolerance)
    except (RefusedBundleError, _WrongAnswerError) as error:
        return HttpParity(rows=0, tolerance=tolerance, single=0.0, batch=0.0, failure=str(error))


def _compare(served: Served, bundle: Bundle, rows: Sequence[Known], tolerance: float) -> HttpParity:
    single, batch = FIELDS[bundle.schema.task]
    theirs = np.array([each.output for each in rows])
    ones = np.array([_answer(served, "/predict", each.row)[single] for each in rows], dtype=np.float64)
    batches = [_answer(served, "/predict/batch", {"rows": part})[batch] for part in _batches(rows)]
    many = np.array([output for part in batches for output in part], dtype=np.float64)
    if len(many) != len(rows):
        raise _WrongAnswerError(f"{len(rows)} rows in batches were answered with {len(many)} outputs.")
    refused = unknown(bundle.schema)
    for each in refused:
        _require_refusal(served, each, bundle.schema.example)
    kinds = Counter([each.kind for each in rows] + ["unknown_level"] * len(refused))
    return HttpParity(
        rows=len(rows),
        tolerance=tolerance,
        single=largest_difference(ones, theirs),
        batch=largest_difference(many, theirs),
        kinds=dict(kinds),
    )


def _batches(rows: Sequence[Known]) -> Iterator[list[dict[str, Value]]]:
    part: list[dict[str, Value]] = []
    size = 0
    for each in rows:
        length = len(json.dumps(each.row))
        if part and (len(part) == BATCH_ROWS or size + length > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(each.row)
        size += length
    if part:
        yield part


def _answer(served: Served, path: str, body: object) -> dict[str, Any]:
    status, document = _call(served, path, body)
    if status != http.client.OK:
        raise _WrongAnswerError(f"POST {path} answered {status} to a row that is valid: {_short(document)}.")
    return document


def _require_refusal(served: Served, row: Unknown, example: dict[str, Value]) -> None:
    for path, body in (("/predict", row.row), ("/predict/batch", {"rows": [example, row.row]})):
        status, document = _call(served, path, body)
        if status != http.client.UNPROCESSABLE_ENTITY or not _names(document, row.feature):
            raise _WrongAnswerError(
                f"POST {path} answered {status} to {row.row[row.feature]!r}, which is no level of {row.feature}; "
                f"it must be refused: {_short(document)}."
            )


def _call(served: Served, path: str, body: object) -> tuple[int, dict[str, Any]]:
    try:
        return served.post(path, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _WrongAnswerError(f"POST {path} was not answered: {type(error).__name__} {error}.") from error


def _names(document: dict[str, Any], feature: str) -> bool:
    detail = document.get("detail")
    return isinstance(detail, list) and any(feature in problem.get("loc", ()) for problem in detail)


def _short(document: object) -> str:
    return json.dumps(document)[:200]
