"""What the stack tells the function, checked once, when the first event arrives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .decision import Policy

PREFIX = "EVERGREEN_"
LEASE = timedelta(hours=3)


class Settings(BaseModel):
    """The variables EVERGREEN_*. Either `pipeline` is started, or `repository` is told with the token of a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str = Field(min_length=3)
    problems: tuple[str, ...] = Field(min_length=1)
    table: str = Field(min_length=3)
    cooldown_seconds: int = Field(ge=0)
    daily_cap: int = Field(ge=1)
    pipeline: str | None = Field(default=None, min_length=1)
    repository: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")
    token_secret: str | None = Field(default=None, min_length=1)
    github_url: str = Field(default="https://api.github.com", pattern=r"^(https://|http://127\.0\.0\.1[:/])")

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Settings:
        """Raises pydantic's ValidationError, which names each variable that makes no sense."""
        given = {name.removeprefix(PREFIX).lower(): text for name, text in variables.items() if name.startswith(PREFIX)}
        problems = tuple(filter(None, given.pop("problems", "").split(",")))
        return cls.model_validate({**given, "problems": problems})

    @model_validator(mode="after")
    def _one_starter(self) -> Self:
        if (self.pipeline is None) == (self.repository is None):
            raise ValueError("set one of EVERGREEN_PIPELINE and EVERGREEN_REPOSITORY")
        if (self.repository is None) != (self.token_secret is None):
            raise ValueError("EVERGREEN_TOKEN_SECRET belongs to EVERGREEN_REPOSITORY: set both or neither")
        return self

    @property
    def policy(self) -> Policy:
        """GitHub tells nobody when its workflow ends: there the lock is the workflow's own concurrency group."""
        return Policy(
            cooldown=timedelta(seconds=self.cooldown_seconds),
            daily_cap=self.daily_cap,
            lease=LEASE if self.repository is None else timedelta(0),
        )
