"""Resource types that MiniStack's CloudFormation lacks, and a record of those behind which there is nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.services.cloudformation import provisioners, stacks

from twin.emulator.control import Document, route
from twin.folder import Twin

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]
"""What `Ref` gives, and the attributes for `Fn::GetAtt`."""
Make = Callable[[Properties], Made]
Change = Callable[[str, Properties, Properties], Made]
"""From `Ref`, the old properties and the new ones; another `Ref` than before says that it was replaced."""
Remove = Callable[[str, Properties], None]


@dataclass(frozen=True)
class Recorded:
    """A resource of which nothing exists but this."""

    type: str
    id: str
    stack: str
    properties: Properties
    attributes: dict[str, Any]


_records: dict[tuple[str, str], Recorded] = {}


def add_type(name: str, *, make: Make, remove: Remove, change: Change | None = None) -> None:
    """What is raised becomes the reason of the resource's failure. Without `change` a change replaces."""

    def replace(former: str, old: Properties, new: Properties) -> Made:
        remove(former, old)
        return make(new)

    provisioners._RESOURCE_HANDLERS[name] = {
        "create": lambda _, properties, __: make(properties),
        "update": lambda former, old, new, _: (change or replace)(former, old, new),
        "delete": remove,
    }


def add_recorded(name: str, make: Make) -> None:
    """A fake: the resource is what its stack says, can be listed, and does nothing."""

    def create(_: str, properties: Properties, stack: str) -> Made:
        return _record(name, stack, properties, make(properties))

    def update(former: str, _: Properties, properties: Properties, stack: str) -> Made:
        kept = _records.get((name, former))
        made = (former, kept.attributes) if kept else make(properties)
        return _record(name, stack, properties, made)

    provisioners._RESOURCE_HANDLERS[name] = {
        "create": create,
        "update": update,
        "delete": lambda former, _: _records.pop((name, former), None) and None,
    }


def recorded(name: str) -> list[Recorded]:
    return [record for record in list(_records.values()) if record.type == name]


def arn(service: str, rest: str) -> str:
    """The ARN of something in this account and region."""
    from ministack.core.responses import get_account_id, get_region

    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{rest}"


def fresh(prefix: str = "", length: int = 17) -> str:
    """An id as AWS draws them."""
    return f"{prefix}{uuid.uuid4().hex[:length]}"


@route("GET", "/recorded")
def told(_: Document) -> list[Document]:
    return [{"type": record.type, "id": record.id, "stack": record.stack} for record in list(_records.values())]


def install(_: Twin) -> None:
    """Let what makes and removes any type wait and call the emulator, as MiniStack lets that of a few."""
    stacks._runs_on_worker_thread = lambda _: True


def _record(name: str, stack: str, properties: Properties, made: Made) -> Made:
    _records[name, made[0]] = Recorded(name, made[0], stack, properties, made[1])
    return made
