"""What an image's address runs: no container engine is here, so its Dockerfile is read and its program runs as it is.

A fake: it shows the program with its own defaults, not the image's packages, its user, or its read-only root.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twin.folder import ROOT, TwinError

NAMES = ("service", "training", "mlflow")
REPOSITORY = re.compile(rf"(?:^|-)({'|'.join(NAMES)})[0-9a-f]{{8}}(?:-|$)")
"""CloudFormation names a repository after its stack and the id that stacks/registry.py gives it, with CDK's hash."""
INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$")


@dataclass(frozen=True)
class Program:
    """What the last stage of a Dockerfile says, its paths those of the image."""

    name: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Without PATH, which names folders of the image."""
    folder: str = "/"


@dataclass(frozen=True)
class Reference:
    """The address of an image of ECR: registry/repository:tag."""

    registry: str
    repository: str
    tag: str

    @property
    def program(self) -> str | None:
        """Which image of this project it is; None for one of somebody else."""
        found = REPOSITORY.search(self.repository)
        return found[1] if found else None


def reference(uri: str) -> Reference:
    registry, _, rest = uri.partition("/")
    repository, _, tag = rest.partition(":")
    return Reference(registry, repository, tag or "latest")


def program(name: str, root: Path = ROOT) -> Program:
    """Of the image of that name. Raises TwinError when it has no Dockerfile."""
    path = root / f"docker/{name}.Dockerfile"
    try:
        return parse(name, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TwinError(f"{path} is missing: the twin reads there what the {name} image runs") from None


def parse(name: str, dockerfile: str) -> Program:
    """The last stage alone: what an earlier one sets is not in the image."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    folder = "/"
    for instruction, rest in _instructions(dockerfile):
        if instruction == "FROM":
            entrypoint, command, environment, folder = (), (), {}, "/"
        elif instruction == "ENV":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif instruction == "WORKDIR":
            folder = rest
        elif instruction == "ENTRYPOINT":
            entrypoint, command = tuple(json.loads(rest)), ()
        elif instruction == "CMD":
            command = tuple(json.loads(rest))
    environment.pop("PATH", None)
    return Program(name, entrypoint, command, environment, folder)


def _instructions(dockerfile: str) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(found[1], found[2].strip()) for line in joined.splitlines() if (found := INSTRUCTION.match(line))]


def places(root: Path = ROOT) -> dict[str, Path]:
    """Where this machine has what an image has at a path."""
    return {"/opt/venv": root / ".venv", "/opt": root / "docker", "/app": root}


def moved(text: str, where: Mapping[str, Path]) -> str:
    """The text with each path of a container as that of this machine; `s3://bucket/tmp` and `/var/tmp` are none."""
    if not where:
        return text
    prefixes = "|".join(re.escape(prefix) for prefix in sorted(where, key=len, reverse=True))
    return re.sub(rf"(?<![\w.-])(?:{prefixes})(?![\w.-])", lambda found: str(where[found[0]]), text)
