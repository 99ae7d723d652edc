"""Container definitions of CloudFormation as ECS has them: MiniStack leaves secrets and health checks as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MAPS = {"dockerLabels", "options"}
"""Their keys are not CloudFormation's words."""


def of_template(definitions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_camel(definition) for definition in definitions]


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {f"{name[:1].lower()}{name[1:]}": item for name, item in value.items()}
    return {name: item if name in MAPS else _camel(item) for name, item in named.items()}
