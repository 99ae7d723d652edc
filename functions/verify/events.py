"""The two events that ask for a verification, and the environment, as types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.utilities.parser import BaseModel, Field
from pydantic import ConfigDict, Json


class Received(BaseModel):
    """Takes what it needs of an event; AWS adds fields as it likes."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Settings(Received):
    """`endpoints`: problem to the name of the parameter that holds its base URL."""

    endpoints: Annotated[Json[dict[str, str]], Field(alias="ENDPOINTS")]


class Release(Received):
    """The user parameters of the pipeline's action."""

    problem: str = Field(min_length=1)
    version: str
    digest: str = Field(min_length=1)


class Progress(Received):
    """What a job hands to its own continuation: when to give up, in seconds since 1970."""

    until: float


class Job(Received):
    """A CodePipeline job; what is in its two texts is read later, so that a wrong one can still be answered."""

    id: str
    parameters: str
    continuation: str | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Job:
        job = event["CodePipeline.job"]
        data = job["data"]
        return cls(
            id=job["id"],
            parameters=data["actionConfiguration"]["configuration"].get("UserParameters", ""),
            continuation=data.get("continuationToken"),
        )


class Hook(Received):
    """What the service's definition gives to its hook, and what the hook gave itself in its last call."""

    problem: str
    released: bool
    attempts: int = 0


class Deployment(Received):
    """An ECS deployment that waits at a stage of its life."""

    stage: str = Field(alias="lifecycleStage")
    hook: Hook = Field(alias="hookDetails")
