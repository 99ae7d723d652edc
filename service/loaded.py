"""A model that is ready to answer: a verified bundle with everything that a request needs of it in memory."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic_core import to_json

from service.bundle import CARD, REFERENCE, Bundle, BundleError, read_bundle
from service.distribution import Distribution
from service.predictor import Predictor
from service.schema import Schema
from service.validation import Validator

Load = Callable[[Bundle], Predictor]
Origin = Literal["registry", "disk", "folder"]
PROBABILITY_EDGES = tuple(round(0.05 * step, 2) for step in range(21))


@dataclass(frozen=True)
class Loaded:
    """Immutable but for its counts; a request keeps the one it started with."""

    bundle: Bundle
    predictor: Predictor
    validator: Validator
    distribution: Distribution
    card: dict[str, Any]
    version: str | None
    origin: Origin
    loaded_at: float

    @property
    def schema(self) -> Schema:
        return self.bundle.schema

    @property
    def digest(self) -> str:
        return self.bundle.digest

    @cached_property
    def identity(self) -> dict[str, str | None]:
        """How an answer names the model that gave it."""
        return {"name": self.schema.name, "version": self.version, "digest": self.digest}

    @cached_property
    def identity_json(self) -> bytes:
        return to_json(self.identity)

    @cached_property
    def captured_share(self) -> float:
        return self.schema.capture.share

    def outcome(self, output: float) -> bytes:
        """An output as members of a JSON object, for answers and captured rows: `repr` of a finite float is JSON."""
        number = repr(output).encode()
        if self.schema.task == "binary":
            return b'"prediction":%d,"probability":%b' % (output >= self.schema.output.threshold, number)
        return b'"prediction":' + number

    def named(self, version: str) -> Loaded:
        """The same model under another registered version."""
        return replace(self, version=version)


def prepare(
    folder: Path, *, expect: str | None, version: str | None, origin: Origin, load: Load, max_rows: int, now: float
) -> Loaded:
    """Verify a bundle, load it, and let it answer once. Raises BundleError for anything that is wrong with it."""
    bundle = read_bundle(folder, expect=expect)
    try:
        loaded = Loaded(
            bundle=bundle,
            predictor=load(bundle),
            validator=Validator(bundle.schema, max_rows=max_rows),
            distribution=Distribution(_edges(bundle)),
            card=bundle.document(CARD),
            version=version,
            origin=origin,
            loaded_at=now,
        )
        _warm(loaded)
    except BundleError:
        raise
    except Exception as error:
        raise BundleError(f"{folder}: the model cannot be loaded: {type(error).__name__}: {error}") from error
    return loaded


def _edges(bundle: Bundle) -> tuple[float, ...]:
    if bundle.schema.task == "binary":
        return PROBABILITY_EDGES
    return tuple(sorted({float(edge) for edge in bundle.document(REFERENCE)["prediction"]["edges"]}))


def _warm(loaded: Loaded) -> None:
    """The example by both ways in, so that the first caller does not pay for what is made lazily."""
    example = json.dumps(loaded.schema.example).encode()
    output = loaded.predictor.one(loaded.validator.row(example))
    loaded.predictor.many(loaded.validator.columns(b'{"rows":[' + example + b"]}"))
    if not math.isfinite(output):
        raise BundleError(f"{loaded.bundle.folder}: the example's output is {output}")
