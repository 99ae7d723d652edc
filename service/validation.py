"""Read rows straight from a request's bytes: one compiled validator per schema, no silent guesses."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, ValidationError, core_schema

from service.errors import InvalidInput, Problem, problem
from service.schema import Feature, Level, Schema, Value

Row = dict[str, Value]
MAX_REPORTED = 20
MAX_ECHO = 100
MAX_ECHOED_BODY = 64 * 1024
"""Above this nothing is echoed: making Python objects of a large wrong value takes seconds."""
EXACT = 2**53
"""Integers up to here are exact as float64, so that 28 and 28.0 can be one level."""


class Validator:
    """Rows of one schema. `max_rows` bounds a batch."""

    def __init__(self, schema: Schema, *, max_rows: int) -> None:
        row = core_schema.typed_dict_schema(
            {feature.name: core_schema.typed_dict_field(_value(feature)) for feature in schema.features},
            extra_behavior="forbid",
            strict=True,
        )
        rows = core_schema.list_schema(row, min_length=1, max_length=max_rows, fail_fast=True, strict=True)
        batch = core_schema.typed_dict_schema({"rows": core_schema.typed_dict_field(rows)}, extra_behavior="forbid")
        self._row = SchemaValidator(row)
        self._batch = SchemaValidator(batch)
        self._names = [feature.name for feature in schema.features]
        self._texts = [feature.name for feature in schema.features if _is_text(feature)]
        self._max_rows = max_rows

    def row(self, body: bytes) -> Row:
        """The one row of a body. Raises InvalidInput."""
        quotes = self._bounded(body, rows=1)
        row: Row = _read(self._row, body)
        texts = sum(row[name] is not None for name in self._texts)
        if quotes != 2 * (len(self._names) + texts):
            _refuse_duplicate_names(body)
        return row

    def columns(self, body: bytes) -> dict[str, list[Value]]:
        """The rows of a batch as columns. Raises InvalidInput that names the first bad row."""
        quotes = self._bounded(body, rows=min(body.count(b"{"), self._max_rows + 1))
        rows: list[Row] = _read(self._batch, body)["rows"]
        columns = {name: [row[name] for row in rows] for name in self._names}
        texts = sum(len(rows) - columns[name].count(None) for name in self._texts)
        if quotes != 2 * (1 + len(rows) * len(self._names) + texts):
            _refuse_duplicate_names(body)
        return columns

    def _bounded(self, body: bytes, *, rows: int) -> int:
        """The number of quotation marks, refused where no valid body has so many marks or commas.

        Every unknown field costs microseconds and a kilobyte when it is reported: without a bound, a few
        megabytes of them take seconds and gigabytes.
        """
        quotes = body.count(b'"')
        if max(quotes, body.count(b",")) > 200 + rows * 8 * len(self._names):
            message = f"Far more names and values than {rows} x {len(self._names)} features need"
            raise InvalidInput([problem("too_many_fields", (), message)])
        return quotes


def _read(validator: SchemaValidator, body: bytes) -> Any:
    try:
        return validator.validate_json(body)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_input=len(body) <= MAX_ECHOED_BODY)
        raise InvalidInput([_entry(entry) for entry in entries[:MAX_REPORTED]]) from None


def _entry(error: Any) -> Problem:
    where = tuple(_short(part) if isinstance(part, str) else part for part in error["loc"])
    entry = problem(error["type"], where, _short(error["msg"], 3 * MAX_ECHO))
    given = error.get("input", ...)
    if _may_be_echoed(given) and error["type"] not in ("json_invalid", "missing"):
        entry["input"] = given
    return entry


def _may_be_echoed(given: object) -> bool:
    """Short and plain JSON: not a NaN, not a whole body, not an integer of a thousand digits."""
    if isinstance(given, str):
        return len(given) <= MAX_ECHO
    if isinstance(given, float):
        return given - given == 0.0
    return given is None or (isinstance(given, int) and abs(given) < 2**63)


def _short(text: str, limit: int = MAX_ECHO) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _refuse_duplicate_names(body: bytes) -> None:
    """JSON lets a name stand twice and parsers keep one of the values; which one the caller meant is a guess."""

    def check(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidInput([problem("duplicate_field", (_short(twice),), "Field is given twice")])
        return dict(pairs)

    json.loads(body, object_pairs_hook=check)


def _is_text(feature: Feature) -> bool:
    return bool(feature.levels) and isinstance(feature.levels[0], str)


def _value(feature: Feature) -> CoreSchema:
    if feature.kind == "boolean":
        value: CoreSchema = core_schema.bool_schema(strict=True)
    elif feature.kind == "category":
        value = _text_level(feature) if _is_text(feature) else _integer_level(feature)
    else:
        value = core_schema.float_schema(strict=True, allow_inf_nan=False, ge=feature.minimum, le=feature.maximum)
        if feature.kind == "integer":
            value = core_schema.no_info_after_validator_function(_whole, value)
    return core_schema.nullable_schema(value) if feature.nullable else value


def _whole(value: float) -> float:
    if not value.is_integer():
        raise PydanticCustomError("int_from_float", "Input should be a valid integer, got a fractional part")
    return value


def _text_level(feature: Feature) -> CoreSchema:
    expected = _expected(feature.levels)
    return core_schema.custom_error_schema(
        core_schema.literal_schema(list(feature.levels)), "unknown_level", custom_error_message=expected
    )


def _integer_level(feature: Feature) -> CoreSchema:
    """JSON has one kind of number: 28.0 is the level 28; true is not the level 1."""
    levels: dict[Any, Level] = {level: level for level in feature.levels}
    expected = _expected(feature.levels)

    def level(value: float) -> Level:
        found = levels.get(value)
        if found is None:
            raise PydanticCustomError("unknown_level", expected)
        return found

    exact = all(abs(level) <= EXACT for level in levels)
    number = (
        core_schema.float_schema(strict=True, allow_inf_nan=False) if exact else core_schema.int_schema(strict=True)
    )
    return core_schema.no_info_after_validator_function(level, number)


def _expected(levels: tuple[Level, ...]) -> str:
    """The message for an unknown level; braces would be read as placeholders."""
    shown = ", ".join(repr(level) for level in levels[:12])
    more = f" and {len(levels) - 12} more" if len(levels) > 12 else ""
    return f"Input should be one of {shown}{more}".replace("{", "(").replace("}", ")")
