"""`Ref` of a secret is its ARN; MiniStack gives its name, and grants on it would never match."""

from __future__ import annotations

from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from twin.folder import Twin

TYPE = "AWS::SecretsManager::Secret"


def install(_: Twin) -> None:
    theirs = dict(provisioners._RESOURCE_HANDLERS[TYPE])

    def create(logical: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        _, attributes = theirs["create"](logical, properties, stack)
        return attributes["Arn"], attributes

    def update(former: str, *rest: Any) -> tuple[str, dict[str, Any]]:
        _, attributes = theirs["update"](_name(former), *rest)
        return attributes["Arn"], attributes

    def delete(former: str, properties: dict[str, Any]) -> None:
        theirs["delete"](_name(former), properties)

    provisioners._RESOURCE_HANDLERS[TYPE] = {**theirs, "create": create, "update": update, "delete": delete}


def _name(arn: str) -> str:
    """The name by which MiniStack keeps the secret."""
    secrets = secretsmanager._secrets.items()
    return next((str(name) for name, secret in secrets if secret["ARN"] == arn), arn)
