"""Executions of the pipeline: which there are, where one stands, and a person's answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twin.loop.world import LoopError, World
from twin.person import Question, decide, questions
from twin.poll import until

DONE = frozenset({"Succeeded", "Failed", "Stopped", "Cancelled", "Superseded"})
LINES = 15
"""Of a log, enough to see why."""


@dataclass(frozen=True)
class Run:
    """One execution, asked anew each time."""

    world: World
    id: str

    @property
    def status(self) -> str:
        return str(self._execution()["status"])

    @property
    def variables(self) -> Mapping[str, str]:
        return {each["name"]: each["resolvedValue"] for each in self._execution().get("variables", [])}

    def actions(self) -> dict[str, dict[str, Any]]:
        """The newest attempt at each action, by its name."""
        answer = _client(self.world).list_action_executions(
            pipelineName=self.world.pipeline, filter={"pipelineExecutionId": self.id}
        )
        newest_first = answer["actionExecutionDetails"]
        return {each["actionName"]: each for each in reversed(newest_first)}

    def exported(self, action: str) -> Mapping[str, str]:
        """The variables that an action gave."""
        return dict(self.actions()[action]["output"].get("outputVariables", {}))

    def why(self) -> str:
        """What the failed action said."""
        for name, action in self.actions().items():
            if action["status"] in {"Failed", "Abandoned"}:
                result = action.get("output", {}).get("executionResult", {})
                told = result.get("errorDetails", {}).get("message") or result.get("externalExecutionSummary", "")
                return f"{name}: {told}"
        return ""

    def await_start_of(self, action: str, *, seconds: float = 90.0) -> None:
        self._await(f"{action} begins", lambda: action in self.actions(), seconds)

    def await_end_of(self, action: str, *, seconds: float = 180.0) -> None:
        """Until it succeeded. Raises LoopError as soon as the run has failed."""
        self._await(f"{action} succeeds", lambda: self.actions().get(action, {}).get("status") == "Succeeded", seconds)

    def await_question(self, *, seconds: float = 240.0) -> Question:
        """Until a person is asked; what the answer is to."""
        found: list[Question] = []

        def look() -> bool:
            found[:] = [each for each in questions(self.world.cloud) if each.execution == self.id]
            return bool(found)

        self._await("a person is asked", look, seconds)
        return found[0]

    def await_end(self, *statuses: str, seconds: float = 240.0) -> str:
        """Raises LoopError when it ends otherwise."""
        status = until(
            f"run {self.id} ends",
            lambda: found if (found := self.status) in DONE else None,
            seconds=seconds,
            seen=lambda: f"it is {self.status}",
            closer=self.closer,
        )
        if status not in statuses:
            raise LoopError(f"run {self.id} is {status}, not {' or '.join(statuses)}\n{self.why()}\n{self.closer()}")
        return status

    def answer(self, *, approve: bool, summary: str) -> None:
        decide(self.world.cloud, self.await_question(), approve=approve, reason=summary)

    def closer(self) -> str:
        """The last lines of the newest build, and the command that shows all of it."""
        builds = [
            str(action["output"]["executionResult"]["externalExecutionId"])
            for action in self.actions().values()
            if ":" in action.get("output", {}).get("executionResult", {}).get("externalExecutionId", "")
        ]
        return build_log(self.world, builds[-1]) if builds else ""

    def _await(self, what: str, holds: Any, seconds: float) -> None:
        def look() -> bool:
            if holds():
                return True
            if (status := self.status) in DONE:
                raise LoopError(f"run {self.id} is {status} before {what}\n{self.why()}\n{self.closer()}")
            return False

        until(f"{what} in run {self.id}", look, seconds=seconds, seen=self._standing, closer=self.closer)

    def _standing(self) -> str:
        return ", ".join(f"{name} {action['status']}" for name, action in self.actions().items())

    def _execution(self) -> dict[str, Any]:
        answer = _client(self.world).get_pipeline_execution(
            pipelineName=self.world.pipeline, pipelineExecutionId=self.id
        )
        return dict(answer["pipelineExecution"])


def all_runs(world: World) -> list[Run]:
    """Newest first."""
    found = _client(world).list_pipeline_executions(pipelineName=world.pipeline, maxResults=100)
    return [Run(world, each["pipelineExecutionId"]) for each in found["pipelineExecutionSummaries"]]


def runs_of(world: World, version: str) -> list[Run]:
    """The runs that were started for a version of an object."""
    return [run for run in all_runs(world) if version in run.variables.get("DATA", "")]


def await_run(world: World, version: str, *, seconds: float = 30.0) -> Run:
    return until(
        f"a run for version {version} of the data",
        lambda: next(iter(runs_of(world, version)), None),
        seconds=seconds,
        closer=lambda: f"the function's log: python -m twin logs {world.retrain}",
    )


def build_log(world: World, build: str) -> str:
    """The last lines of a build's log, and how to see more."""
    found = world.cloud.client("codebuild").batch_get_builds(ids=[build])["builds"]
    where = found[0].get("logs", {}) if found else {}
    if not where.get("streamName"):
        return ""
    events = world.cloud.client("logs").get_log_events(
        logGroupName=where["groupName"], logStreamName=where["streamName"], limit=LINES, startFromHead=False
    )["events"]
    return "\n".join([*(event["message"].rstrip() for event in events), f"all of it: python -m twin logs {build}"])


def _client(world: World) -> Any:
    return world.cloud.client("codepipeline")
