"""A pipeline to test with: two stages that matter around an approval, the last one with two groups and a rollback."""

from __future__ import annotations

from itertools import count
from typing import Any

from twin.codepipeline.execution import advance, succeed
from twin.codepipeline.requests import start
from twin.codepipeline.state import Execution, Moment, PipelineState, Run, Trigger
from twin.codepipeline.structure import Structure

ARN = "arn:aws:codepipeline:us-east-1:000000000000:P"
BY = Trigger(type="StartPipelineExecution", detail="arn:aws:iam::000000000000:root")


def action(name: str, kind: str = "Build CodeBuild", **more: Any) -> dict[str, Any]:
    category, provider = kind.split()
    type_ = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": type_, **more}


def declaration() -> dict[str, Any]:
    source = action("Source", "Source CodeStarSourceConnection", outputArtifacts=[{"name": "Source"}])
    train = action(
        "Train",
        namespace="Train",
        configuration={"WHAT": "#{variables.PROBLEM}"},
        inputArtifacts=[{"name": "Source"}],
        outputArtifacts=[{"name": "Trained"}],
    )
    ask = action("Approve", "Approval Manual", configuration={"CustomData": "Release #{Train.VERSION}?"})
    release = action(
        "Release", configuration={"VERSION": "#{Train.VERSION}", "ID": "#{codepipeline.PipelineExecutionId}"}
    )
    notes = action("Notes", inputArtifacts=[{"name": "Trained"}])
    verify = action("Verify", "Invoke Lambda", runOrder=2)
    return {
        "name": "P",
        "roleArn": "arn:aws:iam::000000000000:role/P",
        "artifactStore": {"type": "S3", "location": "store"},
        "executionMode": "QUEUED",
        "pipelineType": "V2",
        "variables": [{"name": "PROBLEM", "defaultValue": "flights"}],
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Train", "actions": [train]},
            {"name": "Approve", "actions": [ask]},
            {"name": "Release", "actions": [release, notes, verify], "onFailure": {"result": "ROLLBACK"}},
        ],
    }


def new_state() -> PipelineState:
    structure = Structure.model_validate(declaration())
    return PipelineState(arn=ARN, versions={1: structure}, created=0.0, updated=0.0)


class Pipeline:
    """A state with a clock that ticks at every use and ids that count up."""

    def __init__(self) -> None:
        self.state = new_state()
        self._ticks = count(1)
        self._ids = count(1)

    def at(self) -> Moment:
        return Moment(float(next(self._ticks)), lambda: f"id-{next(self._ids)}")

    def restart(self) -> None:
        """As after a kill: nothing is left but what was written."""
        self.state = PipelineState.model_validate_json(self.state.model_dump_json())

    def begin(self, **variables: str) -> str:
        execution = start(self.state, self.at(), trigger=BY, given=variables)
        self.advance()
        return execution.id

    def advance(self) -> None:
        advance(self.state, self.at(), scale=1.0)

    def of(self, id_: str) -> Execution:
        return next(each for each in self.state.executions if each.id == id_)

    def running(self) -> list[Run]:
        return [run for _, run in self.state.runs() if run.status == "InProgress"]

    def do(self, name: str, **variables: str) -> None:
        """The one run of that action ends well."""
        run = next(run for run in self.running() if run.action == name)
        succeed(self.state, run.id, self.at(), variables=variables)
        self.advance()

    def release(self, version: str, **variables: str) -> str:
        """A whole execution to its end."""
        begun = self.begin(**variables)
        self.do("Source")
        self.do("Train", VERSION=version)
        for name in ("Approve", "Release", "Notes", "Verify"):
            self.do(name)
        return begun
