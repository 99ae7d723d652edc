"""A value of a CloudFormation template as a person would read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flat(value: Any) -> str:
    """One line; what only CloudFormation knows is ${Name}. Of a choice, what holds once an image is released."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, given),) = value.items()
        return _READERS.get(function, lambda _: f"${{{function}}}")(given)
    return str(value)


def _attribute(given: Any) -> str:
    return "${" + (given if isinstance(given, str) else ".".join(map(flat, given))) + "}"


_READERS: dict[str, Callable[[Any], str]] = {
    "Ref": lambda name: f"${{{name}}}",
    "Fn::GetAtt": _attribute,
    "Fn::Join": lambda given: str(given[0]).join(map(flat, given[1])),
    "Fn::Sub": lambda given: given if isinstance(given, str) else given[0],
    "Fn::If": lambda given: flat(given[1]),
    "Fn::ImportValue": lambda name: f"${{{flat(name)}}}",
    "Fn::Select": lambda given: f"{flat(given[1])}[{given[0]}]",
    "Fn::Split": lambda given: flat(given[1]),
}
