"""What is known of a pipeline's executions: everything that must outlive the process, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from twin.codepipeline.structure import Structure

Status = Literal["InProgress", "Succeeded", "Failed", "Stopping", "Stopped"]
RunStatus = Literal["InProgress", "Succeeded", "Failed", "Abandoned"]
ENDED = frozenset({"Succeeded", "Failed", "Stopped"})


@dataclass(frozen=True)
class Moment:
    """When something happens, in seconds since 1970, and where its new ids come from."""

    time: float
    fresh: Callable[[], str]


class Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Run(Kept):
    """One attempt at an action."""

    id: str
    stage: str
    action: str
    status: RunStatus = "InProgress"
    started: float
    updated: float
    configuration: dict[str, str] = {}
    """With the variables in it resolved."""
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    """Artifacts: their names and their keys in the store."""
    variables: dict[str, str] = {}
    summary: str = ""
    external_id: str | None = None
    external_url: str | None = None
    error: tuple[str, str] | None = None
    """Code and message."""
    by: str | None = None
    expires: float | None = None
    token: str | None = None
    """Of an open approval."""
    job: str | None = None
    """The id under which a function answers; a continuation gets another one."""
    continuation: str | None = None
    due: float | None = None
    """When the next call of its provider may happen."""
    superseded: bool = False
    """A retry takes its place."""


class Trigger(Kept):
    type: str
    detail: str = ""


class Execution(Kept):
    """`stage` is where it is (`entered`) or waits to be let in."""

    id: str
    version: int
    kind: Literal["STANDARD", "ROLLBACK"] = "STANDARD"
    status: Status = "InProgress"
    trigger: Trigger
    token: str | None = None
    """By which a repeated start is recognised."""
    target: str | None = None
    """The execution that a rollback repeats a stage of."""
    variables: dict[str, str] = {}
    started: float
    updated: float
    stage: str
    entered: bool = False
    attempt: int = 1
    stages: dict[str, Status] = {}
    runs: list[Run] = []
    namespaces: dict[str, dict[str, str]] = {}
    artifacts: dict[str, str] = {}
    revisions: dict[str, dict[str, str]] = {}
    """By the source action's name: revisionId, revisionSummary, revisionUrl."""
    stop_reason: str = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def current(self, stage: str) -> dict[str, Run]:
        """The runs that count in a stage, by action."""
        return {run.action: run for run in self.runs if run.stage == stage and not run.superseded}


class PipelineState(Kept):
    """A pipeline, its versions and its executions, oldest first."""

    arn: str
    version: int = 1
    versions: dict[int, Structure]
    """An execution goes on with the version that it began with."""
    created: float
    updated: float
    executions: list[Execution] = []
    outbox: list[dict[str, Any]] = []
    """Events that were not sent yet, oldest first."""

    @property
    def structure(self) -> Structure:
        return self.versions[self.version]

    @property
    def name(self) -> str:
        return self.structure.name

    def runs(self) -> list[tuple[Execution, Run]]:
        return [(execution, run) for execution in self.executions for run in execution.runs]

    def find(self, run_id: str) -> tuple[Execution, Run] | None:
        return next((pair for pair in self.runs() if pair[1].id == run_id), None)
