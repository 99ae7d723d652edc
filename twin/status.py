"""What a twin is doing, in one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twin import life, processes
from twin.cloud import Cloud
from twin.folder import Twin
from twin.person import questions

PORTS = {"http": 80, "https": 443}


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
            waits=tuple(question.link for question in questions(cloud)),
        )
    except (BotoCoreError, ClientError) as error:
        return Status(str(folder), twin.endpoint, True, str(error), running)


def here(url: str, names: Mapping[str, str]) -> str:
    """Where a URL with a name of the private zone is on this machine; `names` as in the twin's file."""
    parts = urlsplit(url)
    port = parts.port or PORTS.get(parts.scheme, 0)
    place = names.get(f"{parts.hostname}:{port}")
    if place is None and (address := names.get(str(parts.hostname))):
        place = f"{address}:{port}"
    return parts._replace(netloc=place).geturl() if place else url


def _urls(cloud: Cloud, stacks: Mapping[str, str]) -> dict[str, str]:
    lines = cloud.twin.names.read_text(encoding="utf-8").splitlines() if cloud.twin.names.exists() else []
    names = {name: place for name, _, place in (line.strip().partition(" ") for line in lines)}
    return {
        f"{stack}.{output}": here(value, names)
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
