"""CodeConnections: a connection waits, as PENDING, until somebody completes it.

A fake: on AWS a person does so in the console, and the connection fetches from its provider. Here one call of the
control API stands for the person, and nothing is fetched.
"""

from __future__ import annotations

import uuid
from typing import Any

from twin.emulator.additions import Answer, add_service, document, failure, operation, success
from twin.emulator.control import Document, RefusedError, needed, route
from twin.emulator.template_types import Made, Properties, add_recorded, arn, recorded
from twin.folder import ACCOUNT, Twin

TYPE = "AWS::CodeConnections::Connection"
PENDING, AVAILABLE = "PENDING", "AVAILABLE"
TARGETS = {
    "codeconnections": "com.amazonaws.codeconnections.CodeConnections_20231201",
    "codestar-connections": "com.amazonaws.codestar.connections.CodeStar_connections_20191201",
}
"""The service under its name and under its former one."""
_completed: set[str] = set()


def install(_: Twin) -> None:
    add_recorded(TYPE, _connect)
    for name, target in TARGETS.items():
        add_service(name, _handle, target_prefixes=[target], namespace=name, resource=_resource)


@route("POST", "/connections")
def complete(_: Document) -> list[str]:
    """What a person does in the console, for every connection that waits; their ARNs."""
    waiting = [record.id for record in recorded(TYPE) if _status(record.id) == PENDING]
    _completed.update(waiting)
    return waiting


@route("POST", "/connections/status")
def status(asked: Document) -> dict[str, str]:
    (connection,) = needed(asked, "arn")
    if connection not in {record.id for record in recorded(TYPE)}:
        raise RefusedError(404, f"there is no connection {connection}")
    return {"status": _status(connection)}


def _status(connection: str) -> str:
    return AVAILABLE if connection in _completed else PENDING


def _connect(_: Properties) -> Made:
    made = arn("codeconnections", f"connection/{uuid.uuid4()}")
    return made, {"ConnectionArn": made, "ConnectionStatus": PENDING, "OwnerAccountId": ACCOUNT}


def _resource(_: str, asked: dict[str, Any]) -> str:
    return str(asked.get("ConnectionArn") or "*")


async def _handle(_: str, __: str, headers: dict[str, str], body: bytes, ___: dict[str, Any]) -> Answer:
    connections = {record.id: _told(record.id, record.properties) for record in recorded(TYPE)}
    asked = document(body)
    name = operation(headers)
    if name == "ListConnections":
        return success({"Connections": list(connections.values())})
    if name == "GetConnection":
        return _one(connections, asked)
    return failure("InvalidInputException", f"the twin lacks {name}")


def _one(connections: dict[str, Any], asked: dict[str, Any]) -> Answer:
    found = connections.get(str(asked.get("ConnectionArn")))
    return success({"Connection": found}) if found else failure("ResourceNotFoundException", "no such connection")


def _told(identity: str, properties: Properties) -> dict[str, str]:
    return {
        "ConnectionArn": identity,
        "ConnectionName": properties["ConnectionName"],
        "ProviderType": properties.get("ProviderType", ""),
        "OwnerAccountId": ACCOUNT,
        "ConnectionStatus": _status(identity),
    }
