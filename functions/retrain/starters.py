"""How a run is started: the pipeline itself, or a GitHub workflow (github.py)."""

from __future__ import annotations

from typing import Any, Protocol

from .decision import Request


class Starter(Protocol):
    """Starting one request twice starts one run."""

    def start(self, request: Request) -> str:
        """The id of the run. Raises whatever kept it from starting."""


class PipelineStarter:
    """The request's id is the token by which CodePipeline knows a repeated call."""

    def __init__(self, pipeline: str, client: Any) -> None:
        self._pipeline = pipeline
        self._client = client

    def start(self, request: Request) -> str:
        variables = {"PROBLEM": request.problem, "DATA": request.data, "REASON": request.reason}
        started = self._client.start_pipeline_execution(
            name=self._pipeline,
            clientRequestToken=request.id,
            variables=[{"name": name, "value": value} for name, value in variables.items()],
        )
        return str(started["pipelineExecutionId"])
