"""Names of findings about wildcards, as the rule pack spells them once a template is synthesised."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import IConstruct


def wildcard(scope: IConstruct, resource: str) -> str:
    """The finding that a policy in the stack of `scope` holds this ARN with a wildcard in it."""
    return f"AwsSolutions-IAM5[Resource::{_flat(cdk.Stack.of(scope).resolve(resource))}]"


def attribute(scope: IConstruct, owner: IConstruct, value: str) -> str:
    """An attribute of `owner` as it is referred to from the stack of `scope`: an import where that is another one."""
    home = cdk.Stack.of(owner)
    return value if home is cdk.Stack.of(scope) else home.export_value(value)


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(map(_flat, argument[1]))
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    return f"<{argument}>" if function == "Ref" else _flat(argument)
