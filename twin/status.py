"""What a twin is doing, in one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twin import addresses, life, processes
from twin.balancer import sessions
from twin.cloud import Cloud
from twin.folder import LOOPBACK, Twin
from twin.person import questions


@dataclass(frozen=True)
class Status:
    """`problem` says why the rest is not known or why the twin lives no more; empty when all is well."""

    folder: str
    endpoint: str
    alive: bool
    problem: str = ""
    processes: Mapping[str, int] = field(default_factory=dict)
    stacks: Mapping[str, str] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    pipelines: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    """Each with its last execution."""
    waits: tuple[str, ...] = ()
    """Approvals that a person is asked for, by the link to their report."""


def read(folder: Path) -> Status:
    """Raises TwinError when no twin lives there."""
    from botocore.exceptions import BotoCoreError, ClientError

    twin = Twin.load(folder)
    running = {record.name: record.pid for record in processes.running(folder)}
    if not life.alive(folder):
        return Status(str(folder), twin.endpoint, False, life.why(folder) or "its keeper is gone", running)
    cloud = Cloud(twin)
    try:
        stacks = cloud.stacks()
        return Status(
            folder=str(folder),
            endpoint=twin.endpoint,
            alive=True,
            processes=running,
            stacks=stacks,
            urls=_urls(cloud, stacks),
            pipelines=dict(_pipelines(cloud)),
            waits=tuple(addresses.shown(question.link, addresses.known(twin)) for question in questions(cloud)),
        )
    except (BotoCoreError, ClientError) as error:
        return Status(str(folder), twin.endpoint, True, str(error), running)


def _urls(cloud: Cloud, stacks: Mapping[str, str]) -> dict[str, str]:
    names = addresses.known(cloud.twin)
    page = sessions.port(cloud.twin.folder)
    inside = {"MLflow's page": f"http://{LOOPBACK}:{page}"} if page else {}
    return inside | {
        f"{stack}.{output}": addresses.here(value, names) or value
        for stack in stacks
        for output, value in cloud.outputs(stack).items()
        if value.startswith(("http://", "https://"))
    }


def _pipelines(cloud: Cloud) -> list[tuple[str, Mapping[str, Any] | None]]:
    client = cloud.client("codepipeline")
    found = []
    for pipeline in client.list_pipelines()["pipelines"]:
        name = str(pipeline["name"])
        newest = client.list_pipeline_executions(pipelineName=name, maxResults=1)["pipelineExecutionSummaries"]
        found.append((name, _told(newest[0]) if newest else None))
    return found


def _told(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"execution": execution["pipelineExecutionId"], "status": execution["status"]}
