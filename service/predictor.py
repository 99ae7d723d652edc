"""Run a bundle's program: encode rows as the trainer's pipeline did, then evaluate the model, all in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter, ValidationError

from service.bundle import MODEL, PROGRAM, Bundle, BundleError
from service.schema import Frozen, Schema, Value

Vector = npt.NDArray[np.float64]
Encode = Callable[[Value], Sequence[float]]


class Number(Frozen):
    """A numeric input: fill a missing value, centre, scale, and round where the model was fitted on float32."""

    kind: Literal["number"] = "number"
    feature: str
    missing: float | None = None
    mean: float = 0.0
    scale: float = 1.0
    single_precision: bool = False


class Levels(Frozen):
    """A categorical input: one vector per level, in the schema's order, and one for a missing value."""

    kind: Literal["levels"] = "levels"
    feature: str
    vectors: tuple[tuple[float, ...], ...]
    missing: tuple[float, ...] | None = None


class Program(Frozen):
    """program.json: how a row becomes a vector and a model's raw score becomes the output.

    A forest's trees are summed and divided last, as scikit-learn does: shares divided first can add up to a
    probability above 1.
    """

    format: Literal[1] = 1
    runtime: Literal["onnx-trees", "linear"]
    link: Literal["logistic", "identity"]
    offset: float
    divisor: int = Field(default=1, ge=1)
    inputs: tuple[Annotated[Number | Levels, Field(discriminator="kind")], ...]
    weights: tuple[float, ...] = ()


class Predictor(Protocol):
    """A loaded model. Outputs are probabilities of the positive class, or values of the target."""

    def one(self, row: Mapping[str, Value]) -> float:
        """The output for one valid row."""
        ...

    def many(self, columns: Mapping[str, Sequence[Value] | npt.NDArray[Any]], /) -> Vector:
        """The outputs for columns of equal length, one per feature."""
        ...


def logistic(score: float) -> float:
    """1 / (1 + exp(-score)) without overflow."""
    if score >= 0.0:
        return 1.0 / (1.0 + math.exp(-score))
    grown = math.exp(score)
    return grown / (1.0 + grown)


def logistic_vector(scores: Vector) -> Vector:
    """The same for a vector of scores."""
    shrunk = np.exp(-np.abs(scores))
    return np.where(scores >= 0.0, 1.0 / (1.0 + shrunk), shrunk / (1.0 + shrunk))


class Encoder:
    """Turns rows or columns into the model's input, in the order of the program's inputs."""

    def __init__(self, schema: Schema, program: Program) -> None:
        levels = {feature.name: feature.levels or (False, True) for feature in schema.features}
        self._row: list[tuple[str, Encode]] = []
        self._columns: list[tuple[str, Callable[[Any], Vector]]] = []
        for step in program.inputs:
            if step.feature not in levels:
                raise BundleError(f"{PROGRAM}: {step.feature!r} is not a feature of the schema")
            if isinstance(step, Number):
                self._row.append((step.feature, _number(step)))
                self._columns.append((step.feature, _number_column(step)))
            else:
                if len(step.vectors) != len(levels[step.feature]):
                    raise BundleError(f"{PROGRAM}: {step.feature!r} has another number of levels than the schema")
                vectors = dict(zip(levels[step.feature], step.vectors, strict=True))
                self._row.append((step.feature, _level(vectors, step.missing)))
                self._columns.append((step.feature, _level_column(vectors, step.missing)))

    def row(self, row: Mapping[str, Value]) -> list[float]:
        vector: list[float] = []
        for name, encode in self._row:
            vector += encode(row[name])
        return vector

    def columns(self, columns: Mapping[str, Any]) -> Vector:
        """An array of shape (rows, inputs)."""
        return np.concatenate([encode(columns[name]) for name, encode in self._columns], axis=1)


class LinearPredictor:
    """A weighted sum; plain arithmetic is faster than any runtime for one row."""

    def __init__(self, encoder: Encoder, program: Program) -> None:
        self._encoder = encoder
        self._weights = program.weights
        self._array = np.asarray(program.weights)
        self._offset = program.offset
        self._logistic = program.link == "logistic"

    def one(self, row: Mapping[str, Value]) -> float:
        vector = self._encoder.row(row)
        score = self._offset + sum(x * weight for x, weight in zip(vector, self._weights, strict=True))
        return logistic(score) if self._logistic else score

    def many(self, columns: Mapping[str, Sequence[Value] | npt.NDArray[Any]], /) -> Vector:
        scores: Vector = self._encoder.columns(columns) @ self._array + self._offset
        return logistic_vector(scores) if self._logistic else scores


class TreesPredictor:
    """A sum over trees in onnxruntime, with float64 thresholds: every row takes scikit-learn's own path."""

    def __init__(self, encoder: Encoder, program: Program, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._encoder = encoder
        self._offset = program.offset
        self._divisor = program.divisor
        self._logistic = program.link == "logistic"

    def one(self, row: Mapping[str, Value]) -> float:
        vector = np.array([self._encoder.row(row)])
        score = (float(self._session.run(None, {"rows": vector})[0][0, 0]) + self._offset) / self._divisor
        return logistic(score) if self._logistic else score

    def many(self, columns: Mapping[str, Sequence[Value] | npt.NDArray[Any]], /) -> Vector:
        sums: Vector = self._session.run(None, {"rows": self._encoder.columns(columns)})[0][:, 0]
        scores = (sums + self._offset) / self._divisor
        return logistic_vector(scores) if self._logistic else scores


def load_predictor(bundle: Bundle) -> Predictor:
    """The predictor of a verified bundle, proved on its golden rows.

    Raises BundleError when the program cannot be read or run, or when its outputs are not the golden ones.
    """
    try:
        program = TypeAdapter(Program).validate_json((bundle.folder / PROGRAM).read_bytes())
    except (OSError, ValidationError) as error:
        raise BundleError(f"{bundle.folder}: {PROGRAM} cannot be read: {error}") from error
    try:
        predictor = build_predictor(bundle.schema, program, _model_bytes(bundle))
        check_golden(bundle, predictor)
    except BundleError:
        raise
    except Exception as error:  # onnxruntime has dozens of its own
        raise BundleError(f"{bundle.folder}: the model cannot be run: {type(error).__name__}: {error}") from error
    return predictor


def build_predictor(schema: Schema, program: Program, model: bytes) -> Predictor:
    """The predictor for a program; `model` is empty where the program is the whole model."""
    encoder = Encoder(schema, program)
    if program.runtime == "linear":
        return LinearPredictor(encoder, program)
    return TreesPredictor(encoder, program, model)


def check_golden(bundle: Bundle, predictor: Predictor) -> None:
    """Raise BundleError unless single and batch outputs equal the golden ones within the tolerance."""
    golden = bundle.golden()
    singles = np.array([predictor.one(row) for row in golden.rows])
    columns = {feature.name: [row[feature.name] for row in golden.rows] for feature in bundle.schema.features}
    for kind, outputs in (("single", singles), ("batch", predictor.many(columns))):
        gap = largest_difference(outputs, np.asarray(golden.outputs))
        if not gap <= golden.tolerance:
            raise BundleError(f"{bundle.folder}: {kind} golden rows differ by {gap:.3g}, allowed {golden.tolerance:g}")


def largest_difference(ours: Vector, theirs: Vector) -> float:
    """The largest difference, absolute below 1 and relative above, so that one bound fits any unit."""
    return float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)), initial=0.0))


def _model_bytes(bundle: Bundle) -> bytes:
    path = bundle.folder / MODEL
    return path.read_bytes() if path.exists() else b""


def _number(step: Number) -> Encode:
    missing, mean, scale = step.missing, step.mean, step.scale
    fill = math.nan if missing is None else missing

    def encode(value: Value) -> Sequence[float]:
        number = fill if value is None or value != value else float(value)
        return ((number - mean) / scale,)

    def encode_single(value: Value) -> Sequence[float]:
        return (float(np.float32(encode(value)[0])),)

    return encode_single if step.single_precision else encode


def _number_column(step: Number) -> Callable[[Any], Vector]:
    def encode(values: Any) -> Vector:
        column = np.asarray(values, dtype=np.float64)
        if step.missing is not None:
            column = np.where(np.isnan(column), step.missing, column)
        column = (column - step.mean) / step.scale
        if step.single_precision:
            column = column.astype(np.float32).astype(np.float64)
        return column[:, np.newaxis]

    return encode


def _level(vectors: dict[Any, tuple[float, ...]], missing: tuple[float, ...] | None) -> Encode:
    table: dict[Any, tuple[float, ...]] = dict(vectors)
    if missing is not None:
        table[None] = missing
    return table.__getitem__


def _level_column(vectors: dict[Any, tuple[float, ...]], missing: tuple[float, ...] | None) -> Callable[[Any], Vector]:
    order = {level: index for index, level in enumerate(vectors)}
    table = np.asarray([*vectors.values()] + ([missing] if missing is not None else []))

    def encode(values: Any) -> Vector:
        codes = [order[value] if value is not None and value == value else len(order) for value in values]
        return table[codes]

    return encode
