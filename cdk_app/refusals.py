"""How a configuration that makes no sense is refused: what was given, what is allowed, where to change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

WHERE = "change it in cdk_app/environments.py"


class ConfigError(Exception):
    """The configuration makes no sense; the message says what was given, what is allowed and where to change it."""


class Config(BaseModel):
    """Refuses unknown keys and says what is wrong in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            settings = ", ".join(type(self).model_fields)
            said = "; ".join(_sentence(type(self).__name__, settings, problem) for problem in error.errors())
            raise ConfigError(f"{said}; {WHERE}") from None


def require_range(what: str, given: tuple[int, int], *, least: int, most: int = 1000) -> None:
    if not least <= given[0] <= given[1] <= most:
        raise ValueError(f"{what} {given} must be (fewest, most) with {least} <= fewest <= most <= {most}")


def repeated(given: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    """Of pairs of a value and who gives it: the first value that is given again, who gave it first, and who again."""
    owners: dict[str, str] = {}
    for value, owner in given:
        if value in owners:
            return value, owners[value], owner
        owners[value] = owner
    return None


def _sentence(owner: str, settings: str, problem: Any) -> str:
    where = ".".join([owner, *map(str, problem["loc"])])
    message = str(problem["msg"])
    if problem["type"] == "extra_forbidden":
        of = f"; {owner} has {settings}" if len(problem["loc"]) == 1 else ""
        return f"{where}: there is no such setting{of}"
    if problem["type"] == "missing":
        return f"{where}: nothing was given and there is no default"
    if message.startswith("Value error, "):
        return f"{where}: {message.removeprefix('Value error, ')}"
    return f"{where}: {message[:1].lower()}{message[1:]} (given: {problem['input']!r})"
