"""Predict with a registered version through the service's own validator and predictor."""

from __future__ import annotations

from dataclasses import dataclass

from ml.errors import UserError
from ml.io import tags
from ml.io.invalid import in_words
from ml.io.registry import Registry, Version
from ml.io.workspace import Workspace
from ml.loop import bundle_of
from service.errors import InvalidInput
from service.predictor import load_predictor
from service.schema import Schema
from service.validation import Validator

MAX_ROWS = 1_000_000


@dataclass(frozen=True)
class Predicted:
    """Outputs in the order of the rows: probabilities of the positive class, or values."""

    version: Version
    schema: Schema
    outputs: list[float]


def predict(workspace: Workspace, name: str, number: int | None, rows: bytes) -> Predicted:
    """`rows` is JSON: one row or a list of rows. Raises UserError that names the first bad field."""
    registry = Registry(workspace.tracking, name)
    version = registry.version(number) if number is not None else registry.aliased(tags.CHAMPION)
    if version is None:
        raise UserError(f"{name} has no champion; run `evergreen promote {name}`, or name a --version")
    bundle = bundle_of(workspace, version)
    validator = Validator(bundle.schema, max_rows=MAX_ROWS)
    body = b'{"rows": ' + rows + b"}" if rows.lstrip().startswith(b"[") else b'{"rows": [' + rows + b"]}"
    try:
        outputs = load_predictor(bundle).many(validator.columns(body))
    except InvalidInput as error:
        raise UserError(in_words(error)) from error
    return Predicted(version, bundle.schema, outputs.tolist())
