"""What there is in every service that the templates touch, so that what is left after `cdk destroy` can be named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import jmespath

from twin import keeper, processes
from twin.cloud import Cloud
from twin.folder import Twin, TwinError
from twin.kinds import ALWAYS, KINDS, REMAINDERS, WITHIN, Kind

OWN = frozenset({keeper.NAME, keeper.EMULATOR, *keeper.FOLLOWERS})
FILE = "inventory.json"


@dataclass(frozen=True, order=True)
class Left:
    """A resource of a service, or a process, a name or a record of the twin itself."""

    service: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.service} {self.kind} {self.id}"


def types_of(assembly: Path) -> frozenset[str]:
    """The resource types of the assembly's templates."""
    templates = (json.loads(path.read_text()) for path in assembly.glob("assembly-*/*.template.json"))
    return frozenset(resource["Type"] for template in templates for resource in template.get("Resources", {}).values())


def unknown(types: Iterable[str]) -> list[str]:
    """The types of which nothing here says how to find what is left of them."""
    return sorted(set(types) - {kind.type for kind in KINDS} - set(WITHIN))


def take(cloud: Cloud, types: Iterable[str]) -> frozenset[Left]:
    """All resources of those types, and what the twin itself runs for them. Raises TwinError for a type not known."""
    wanted = ALWAYS | frozenset(types)
    if strange := unknown(wanted):
        raise TwinError(f"nothing says how to find what is left of {', '.join(strange)}: add it to twin/kinds.py")
    asked = (kind for kind in KINDS if kind.type in wanted)
    return frozenset(
        [Left(kind.service, kind.name, id_) for kind in asked for id_ in _ids(cloud, kind)] + list(_of_the_twin(cloud))
    )


def remember(cloud: Cloud, assembly: Path) -> None:
    """Write down what is there before the first deployment: an account is never empty. Later ones add their types."""
    types = types_of(assembly)
    noted = _noted(cloud) or {"types": [], "before": sorted(map(astuple, take(cloud, types)))}
    noted["types"] = sorted({*noted["types"], *types})
    (cloud.twin.folder / FILE).write_text(json.dumps(noted, indent=2), encoding="utf-8")


def unexpected(cloud: Cloud) -> list[Left]:
    """What a deployment left behind that no one expects. Raises TwinError when nothing was remembered before it."""
    return [each for each in left(cloud) if reason(each) is None]


def left(cloud: Cloud) -> list[Left]:
    """What is there now and was not when it was remembered."""
    noted = _noted(cloud)
    if noted is None:
        raise TwinError("what was there before the first deployment was not noted: twin.seeds.sow does it")
    return sorted(take(cloud, noted["types"]) - {Left(*each) for each in noted["before"]})


def reason(each: Left) -> str | None:
    """Why it may be left, if it may; docs/twin.md says the same."""
    return next(
        (
            known.reason
            for known in REMAINDERS
            if (known.service, known.kind) == (each.service, each.kind) and re.fullmatch(known.id, each.id)
        ),
        None,
    )


def _noted(cloud: Cloud) -> dict[str, Any] | None:
    path = cloud.twin.folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _ids(cloud: Cloud, kind: Kind) -> Iterator[str]:
    from botocore.exceptions import ClientError

    client = cloud.client(kind.service)
    try:
        for answer in _pages(client, kind):
            yield from map(str, jmespath.search(kind.path, answer) or ())
    except ClientError as error:
        raise TwinError(f"the inventory cannot ask {kind.service} for its {kind.name}s: {error}") from error


def _pages(client: Any, kind: Kind) -> Iterator[Any]:
    if client.can_paginate(kind.operation):
        yield from client.get_paginator(kind.operation).paginate(**kind.parameters)
    else:
        yield getattr(client, kind.operation)(**kind.parameters)


def _of_the_twin(cloud: Cloud) -> Iterator[Left]:
    """What stands for resources here: processes of tasks, builds and databases, records, names."""
    twin: Twin = cloud.twin
    for record in processes.running(twin.folder):
        if record.name not in OWN:
            yield Left("twin", "process", record.name)
    for recorded in cloud.control.get("/recorded"):
        yield Left("twin", "record", f"{recorded['type']} {recorded['id']}")
    if twin.names.exists():
        for line in twin.names.read_text(encoding="utf-8").splitlines():
            yield Left("twin", "name", line)
