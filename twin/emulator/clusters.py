"""The capacity providers of a cluster, which MiniStack's ECS knows and its CloudFormation does not."""

from __future__ import annotations

from typing import Any

from twin.emulator.administrator import client, ignoring
from twin.emulator.template_types import Made, Properties, add_type
from twin.folder import Twin


def install(_: Twin) -> None:
    add_type(
        "AWS::ECS::ClusterCapacityProviderAssociations",
        make=_provide,
        remove=lambda cluster, _: ignoring("ClusterNotFound", _put, cluster=cluster, providers=[], strategy=[]),
        change=lambda _, __, properties: _provide(properties),
    )


def _provide(properties: Properties) -> Made:
    """A fake: tasks are processes of this machine, whoever provides."""
    strategy = [
        {f"{name[:1].lower()}{name[1:]}": value if name == "CapacityProvider" else int(value)
         for name, value in item.items()}
        for item in properties.get("DefaultCapacityProviderStrategy", [])
    ]  # fmt: skip
    _put(cluster=properties["Cluster"], providers=properties.get("CapacityProviders", []), strategy=strategy)
    return properties["Cluster"], {}


def _put(*, cluster: str, providers: list[str], strategy: list[dict[str, Any]]) -> None:
    client("ecs").put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=strategy
    )
