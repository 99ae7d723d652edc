"""A container definition as a process: pure, from what ECS was told to what is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.folder import ROOT, Twin
from twin.programs import Program, moved, places

ANY = "0.0.0.0"  # noqa: S104  # what a container binds to, and never this machine
HEALTHY = "healthy.py"
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Start:
    """What is given to the operating system."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Check:
    """A container's health check, in seconds. A fake: `healthy.py PORT PATH` becomes a GET on the task's address."""

    port: int
    path: str
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True)
class SecretReference:
    """Where the value of a variable lies; `key` is one field of a secret that is a JSON object."""

    variable: str
    secret: str
    key: str
    parameter: bool
    """Of the Parameter Store."""


@dataclass(frozen=True)
class LogTarget:
    """Where the awslogs driver writes."""

    group: str
    stream: str


def scratch(definition: Mapping[str, Any], task: Path) -> dict[str, Path]:
    """The folder for each mount point; a task's containers share their volumes."""
    return {point["containerPath"]: task / point["sourceVolume"] for point in definition.get("mountPoints", [])}


def start(
    definition: Mapping[str, Any],
    *,
    override: Mapping[str, Any],
    program: Program,
    secrets: Mapping[str, str],
    credentials: Mapping[str, str],
    address: str,
    twin: Twin,
    task: Path,
) -> Start:
    """The process of a container. Of this process's own environment it gets PATH alone.

    The definition's command and entry point replace the image's; as in Docker, an entry point of its own drops the
    image's command. `credentials` are the task role's variables, `task` is the task's folder.
    """
    mounts = scratch(definition, task)
    where = places() | mounts

    def here(text: str) -> str:
        return moved(text, where).replace(ANY, address)

    given = {
        **program.environment,
        **_variables(definition.get("environment", [])),
        **_variables(override.get("environment", [])),
    }
    environment = {
        "HOME": str(task),
        "LANG": "C.UTF-8",
        **{name: here(value) for name, value in given.items()},
        **secrets,
        **twin.trust(),
        **credentials,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT / "twin/names"),
        "TMPDIR": str(next(iter(mounts.values()), task)),
    }
    command = tuple(here(word) for word in _command(definition, override, program))
    folder = Path(here(definition.get("workingDirectory") or program.folder))
    return Start(command, environment, folder if folder.is_relative_to(task) else ROOT)


def _command(definition: Mapping[str, Any], override: Mapping[str, Any], program: Program) -> tuple[str, ...]:
    command = override.get("command") or definition.get("command")
    if entrypoint := definition.get("entryPoint"):
        return (*entrypoint, *(command or ()))
    return (*program.entrypoint, *(command or program.command))


def _variables(pairs: list[Mapping[str, str]]) -> dict[str, str]:
    return {pair["name"]: str(pair["value"]) for pair in pairs}


def check(definition: Mapping[str, Any]) -> Check | None:
    """None where the definition has none. Raises ValueError for a command that the twin cannot stand in for."""
    asked = definition.get("healthCheck")
    if not asked:
        return None
    words = list(asked["command"])
    if len(words) < 3 or Path(words[-3]).name != HEALTHY:
        raise ValueError(f"the twin knows the health check {HEALTHY} PORT PATH and not {' '.join(words)}")
    return Check(
        port=int(words[-2]),
        path=words[-1],
        interval=float(asked.get("interval", 30)),
        timeout=float(asked.get("timeout", 5)),
        retries=int(asked.get("retries", 3)),
        start_period=float(asked.get("startPeriod", 0)),
    )


def secret_references(definition: Mapping[str, Any]) -> list[SecretReference]:
    """`ARN:KEY:STAGE:VERSION` of a secret, or the ARN or name of a parameter."""
    found = []
    for secret in definition.get("secrets", []):
        source = secret["valueFrom"]
        parts = source.split(":")
        if ":secretsmanager:" in source:
            key = parts[7] if len(parts) > 7 else ""
            found.append(SecretReference(secret["name"], ":".join(parts[:7]), key, parameter=False))
        else:
            name = source.partition(":parameter")[2] or source
            found.append(SecretReference(secret["name"], name, "", parameter=True))
    return found


def log_target(definition: Mapping[str, Any], task_id: str) -> LogTarget | None:
    """None for a container that does not log to CloudWatch."""
    configuration = definition.get("logConfiguration") or {}
    options = configuration.get("options") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    return LogTarget(options["awslogs-group"], f"{options['awslogs-stream-prefix']}/{definition['name']}/{task_id}")


def ports(definition: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(mapping["containerPort"]) for mapping in definition.get("portMappings", []))


def stop_seconds(definition: Mapping[str, Any]) -> float:
    return float(definition.get("stopTimeout") or STOP_SECONDS)
