"""What an operator may set. Read once, by the entry point, from arguments and the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"


class SettingsError(Exception):
    """The settings make no sense; the message says what was given and what to change."""


class Settings(BaseSettings):
    """Settings of one service process: environment variables begin with EVERGREEN_."""

    model_config = SettingsConfigDict(
        env_prefix="EVERGREEN_", frozen=True, extra="forbid", populate_by_name=True, env_ignore_empty=True
    )

    model: str | None = Field(default=None, pattern=NAME)
    alias: str = Field(default="champion", pattern=NAME)
    bundle: Path | None = None
    tracking_uri: str = Field(
        default="", validation_alias=AliasChoices("EVERGREEN_TRACKING_URI", "MLFLOW_TRACKING_URI"), repr=False
    )
    tracking_username: str = Field(
        default="", validation_alias=AliasChoices("EVERGREEN_TRACKING_USERNAME", "MLFLOW_TRACKING_USERNAME")
    )
    tracking_password: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("EVERGREEN_TRACKING_PASSWORD", "MLFLOW_TRACKING_PASSWORD")
    )
    tracking_token: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("EVERGREEN_TRACKING_TOKEN", "MLFLOW_TRACKING_TOKEN")
    )
    s3_endpoint_url: str = Field(
        default="", validation_alias=AliasChoices("EVERGREEN_S3_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL")
    )
    cache: Path = Path("var/cache")
    poll_seconds: float = Field(default=5.0, ge=0.05, le=3600.0)
    timeout_seconds: float = Field(default=5.0, gt=0.0, le=300.0)
    max_row_bytes: int = Field(default=64 * 1024, ge=1024)
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    max_rows: int = Field(default=10_000, ge=1)
    capture: Path | None = None
    capture_bucket: str = ""
    capture_share: float = Field(default=1.0, ge=0.0, le=1.0)
    capture_seconds: float = Field(default=5.0, ge=0.05, le=3600.0)
    capture_buffer_megabytes: int = Field(default=16, ge=1)
    capture_megabytes: int = Field(default=256, ge=1)
    capture_key: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.model is None and self.bundle is None:
            raise ValueError(
                "nothing to serve: set EVERGREEN_MODEL (a registered model) or EVERGREEN_BUNDLE (a folder)"
            )
        if self.model is not None and self.bundle is not None:
            raise ValueError("EVERGREEN_MODEL and EVERGREEN_BUNDLE are both set: keep one of them")
        if self.model is not None and not self.tracking_uri:
            raise ValueError("EVERGREEN_MODEL needs a registry: set EVERGREEN_TRACKING_URI or MLFLOW_TRACKING_URI")
        if self.model is not None and not self.tracking_uri.startswith(("sqlite:///", "http://", "https://")):
            raise ValueError("the tracking URI must begin with sqlite:///, http:// or https://")
        if self.tracking_username and not self.tracking_password.get_secret_value():
            raise ValueError("a tracking username is set without a password")
        return self

    @model_validator(mode="after")
    def _disk_before_bucket(self) -> Self:
        if self.capture_bucket and self.capture is None:
            raise ValueError(
                "EVERGREEN_CAPTURE_BUCKET needs EVERGREEN_CAPTURE, the folder where rows wait until they are there"
            )
        return self


def read_settings(**given: Any) -> Settings:
    """The settings from the arguments and, for what they leave out, the environment. Raises SettingsError."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(problem) for problem in error.errors(include_input=False))) from error


def _sentence(problem: Any) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    where = ".".join(str(part) for part in problem["loc"])
    if not where:
        return message
    return f"{where if where.isupper() else 'EVERGREEN_' + where.upper()}: {message}"
