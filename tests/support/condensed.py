"""A template as a reviewer would like to read it: no hashes, no metadata, a policy's statement on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ops.values import flat

DROPPED = {"Metadata", "DependsOn", "Tags", "Type"}
CONVENIENCES = {"BootstrapVersion"}
INTRINSICS = re.compile(r"Ref|Fn::(GetAtt|Join|Sub|ImportValue|Select|Split|FindInMap)")


def condensed(template: Mapping[str, Any]) -> str:
    """YAML; resources under `Type Name`, both sorted."""
    document = {
        "Parameters": {name: each for name, each in _items(template, "Parameters") if name not in CONVENIENCES},
        "Conditions": {name: _value(each) for name, each in _items(template, "Conditions")},
        "Resources": {f"{each['Type']} {name}": _resource(each) for name, each in _items(template, "Resources")},
        "Outputs": {name: _value(each) for name, each in _items(template, "Outputs") if "Export" not in each},
    }
    shown = {part: dict(sorted(each.items())) for part, each in document.items() if each}
    return masked(yaml.safe_dump(shown, sort_keys=False, width=200, allow_unicode=True))


def masked(text: str) -> str:
    """Without what changes for no reviewer's sake: the CDK's hashes, and those of assets."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<asset>", text)
    text = re.sub(r"(ExportsOutput(?:Ref|FnGetAtt))(\w+?)[0-9A-F]{8}(\w*?)[0-9A-F]{8}\b", r"\1\2\3", text)
    text = re.sub(r"[0-9A-F]{8}[0-9a-f]{32}\b", "", text)
    text = re.sub(r"[0-9A-F]{32}Parameter\b", "Parameter", text)
    text = re.sub(r"(?<=[a-z])[0-9A-F]{8}(\d{2,5})[0-9A-F]{8}\b", r"\1", text)
    text = re.sub(r"(?<=[A-Za-z]\d)[0-9A-F]{8}\b", "", text)
    return re.sub(r"((?<=[A-Za-z])|(?<=[a-z])-)[0-9A-F]{8}(?=\b|Arn|_)", "", text)


def _items(template: Mapping[str, Any], part: str) -> list[tuple[str, Any]]:
    return sorted(template.get(part, {}).items())


def _resource(resource: Mapping[str, Any]) -> Any:
    properties = {key: _value(each) for key, each in resource.get("Properties", {}).items() if key not in DROPPED}
    return {
        **{key: each for key, each in resource.items() if key not in {*DROPPED, "Properties"}},
        **dict(sorted(properties.items())),
    }


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return _list(value)
    if not isinstance(value, dict):
        return _text(value)
    if list(value) == ["Fn::If"]:
        condition, then, otherwise = value["Fn::If"]
        return {f"if {condition}": _value(then), "else": _value(otherwise)}
    if len(value) == 1 and INTRINSICS.fullmatch(next(iter(value))):
        return _text(flat(value))
    if isinstance(value.get("Statement"), list):
        return [_statement(each) for each in value["Statement"]]
    return {key: _value(each) for key, each in sorted(value.items()) if key != "Tags"}


def _list(values: list[Any]) -> Any:
    """Names with values, such as a container's environment, as what they are."""
    if values and all(isinstance(each, dict) and set(each) == {"Name", "Value"} for each in values):
        return {str(each["Name"]): _value(each["Value"]) for each in values}
    return [_value(each) for each in values]


def _text(value: Any) -> Any:
    """JSON inside of a string is read as what it is."""
    if isinstance(value, str) and value.startswith(("{", "[")) and not value.startswith("${"):
        try:
            return _dashboard(json.loads(value))
        except ValueError:
            return value
    return value


def _dashboard(document: Any) -> Any:
    """Of a dashboard what is drawn, not where."""
    if not isinstance(document, dict) or "widgets" not in document:
        return document
    return [_widget(each["type"], each["properties"]) for each in document["widgets"]]


def _widget(kind: str, properties: Mapping[str, Any]) -> str:
    drawn = [" ".join(map(str, line[:2])) for line in properties.get("metrics", []) if len(line) > 1]
    shown = properties.get("title") or properties.get("markdown", "").partition("\n")[0]
    return f"{kind} {shown}: {', '.join(drawn)}" if drawn else f"{kind} {shown}"


def _statement(statement: Mapping[str, Any]) -> str:
    """`Allow a, b on resources for principals when condition`."""
    said = [statement["Effect"], _joined(statement.get("Action", statement.get("NotAction")))]
    if resources := statement.get("Resource", statement.get("NotResource")):
        said += ["on", _joined(resources)]
    if principal := statement.get("Principal"):
        said += ["for", _joined(list(principal.values()) if isinstance(principal, dict) else principal)]
    if condition := statement.get("Condition"):
        said += ["when", json.dumps(_value(condition), sort_keys=True)]
    return " ".join(said)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_joined(each) for each in value)
    return flat(value)
