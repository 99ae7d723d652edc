"""The OpenAPI document of the model that is loaded now: its own fields, bounds, levels and examples."""

from __future__ import annotations

from typing import Any

from service.schema import Feature, Schema
from service.slot import Slot

Document = dict[str, Any]
_STRING: Document = {"type": "string"}


class Documentation:
    """Builds the document once per model."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._digest = ""
        self._document: Document = {}

    def document(self) -> Document:
        current = self._slot.current
        digest = current.digest if current else "none"
        if digest != self._digest:
            self._document = build_document(current.schema if current else None)
            self._digest = digest
        return self._document


def build_document(schema: Schema | None) -> Document:
    """OpenAPI 3.1; without a model the rows are any objects."""
    title = (schema.title or schema.name) if schema else "no model yet"
    row = row_schema(schema) if schema else {"type": "object", "description": "No model is loaded yet."}
    binary = schema is None or schema.task == "binary"
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Evergreen: {title}", "version": "1"},
        "paths": {
            "/predict": {"post": _operation("Predict one row", "Row", "Prediction", schema and schema.example)},
            "/predict/batch": {"post": _operation(
                "Predict many rows", "Batch", "Predictions", schema and {"rows": [schema.example] * 2}
            )},
            "/model": {"get": _reading("The model's card, schema, metrics and manifest")},
            "/livez": {"get": _reading("The process is alive")},
            "/readyz": {"get": _reading("A model is loaded and warm")},
            "/metrics": {"get": _reading("Counters for Prometheus", "text/plain")},
        },
        "components": {"schemas": {"Row": row, "Batch": _batch(), **_answers(binary), **_errors()}},
    }  # fmt: skip


def row_schema(schema: Schema) -> Document:
    """JSON Schema of one row: every feature, nothing else."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [feature.name for feature in schema.features],
        "properties": {feature.name: _property(feature) for feature in schema.features},
        "examples": [schema.example],
    }


def _property(feature: Feature) -> Document:
    described: Document = {"description": feature.description} if feature.description else {}
    kind = "string" if feature.levels and isinstance(feature.levels[0], str) else feature.kind
    kind = "integer" if kind == "category" else kind
    described["type"] = [kind, "null"] if feature.nullable else kind
    if feature.levels:
        described["enum"] = [*feature.levels, None] if feature.nullable else list(feature.levels)
    if feature.minimum is not None and feature.maximum is not None:
        whole = feature.kind == "integer"
        bounds = {"minimum": feature.minimum, "maximum": feature.maximum}
        described |= {name: int(bound) if whole and bound == int(bound) else bound for name, bound in bounds.items()}
    return described | {"examples": [feature.example]}


def _batch() -> Document:
    rows = {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Row"}}
    return {"type": "object", "additionalProperties": False, "required": ["rows"], "properties": {"rows": rows}}


def _answers(binary: bool) -> Document:
    number: Document = {"type": "number"}
    share: Document = {"type": "number", "minimum": 0, "maximum": 1}
    label: Document = {"type": "integer", "enum": [0, 1]} if binary else number
    one = {"prediction": label} | ({"probability": share} if binary else {})
    many = {f"{name}s" if name == "prediction" else "probabilities": _list(kind) for name, kind in one.items()}
    model = _object({"name": _STRING, "version": {"type": ["string", "null"]}, "digest": _STRING})
    named = {"model": {"$ref": "#/components/schemas/Model"}, "request_id": _STRING}
    return {"Model": model, "Prediction": _object(one | named), "Predictions": _object(many | named)}


def _errors() -> Document:
    place = _list({"anyOf": [_STRING, {"type": "integer"}]})
    entry = {"type": "object", "properties": {"type": _STRING, "loc": place, "msg": _STRING, "input": {}}}
    return {"Invalid": _object({"detail": _list(entry)}), "Refused": _object({"detail": _STRING})}


def _object(properties: Document) -> Document:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Document) -> Document:
    return {"type": "array", "items": items}


def _content(name: str, example: object = None) -> Document:
    content: Document = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    return {"application/json": content | ({"example": example} if example else {})}


def _operation(summary: str, takes: str, gives: str, example: object) -> Document:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _content(takes, example)},
        "responses": {
            "200": {"description": "The answer, with the model that gave it", "content": _content(gives)},
            "413": {"description": "The body is too long", "content": _content("Refused")},
            "422": {"description": "The body is not valid", "content": _content("Invalid")},
            "503": {"description": "No model is loaded yet", "content": _content("Refused")},
        },
    }


def _reading(summary: str, media_type: str = "application/json") -> Document:
    return {"summary": summary, "responses": {"200": {"description": "OK", "content": {media_type: {}}}}}
