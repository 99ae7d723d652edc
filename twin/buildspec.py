"""A build specification of CodeBuild, version 0.2, as types: pure, and refusing what the twin's builds do not do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

VERSION = 0.2
PHASES = ("install", "pre_build", "build", "post_build")
KNOWN: Mapping[str, frozenset[str]] = {
    "": frozenset({"version", "env", "phases", "artifacts"}),
    "env": frozenset({"shell", "variables", "exported-variables"}),
    "phases": frozenset(PHASES),
    "phase": frozenset({"commands", "finally", "runtime-versions"}),
    "artifacts": frozenset({"files", "base-directory", "discard-paths", "exclude-paths", "secondary-artifacts"}),
}


class BuildspecError(Exception):
    """It cannot be run here; the message says which part and why."""


@dataclass(frozen=True)
class Phase:
    """`runtime-versions` of the document pick what one of AWS's own images brings; here it is always one Python."""

    commands: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    """The commands under `finally`."""


@dataclass(frozen=True)
class Files:
    """What becomes an artifact: patterns below `base`."""

    patterns: tuple[str, ...]
    base: str = "."
    flat: bool = False
    excluded: tuple[str, ...] = ()

    def select(self, folder: Path) -> dict[str, Path]:
        """The files by their names in the artifact; empty when nothing matches."""
        base = folder / self.base
        out = {path for pattern in self.excluded for path in base.glob(pattern)}
        found = [path for pattern in self.patterns for path in sorted(base.glob(pattern))]
        kept = [path for path in found if path.is_file() and path not in out]
        return {path.name if self.flat else path.relative_to(base).as_posix(): path for path in kept}


@dataclass(frozen=True)
class Buildspec:
    """A missing phase has no commands and succeeds."""

    phases: Mapping[str, Phase]
    variables: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    files: Files | None = None
    secondary: Mapping[str, Files] = field(default_factory=dict)


def parse(text: str) -> Buildspec:
    """Raises BuildspecError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"it is not YAML: {error}") from error
    _known(document, "", "the document")
    if document.get("version") not in {VERSION, str(VERSION)}:
        raise BuildspecError(f"version {document.get('version')} is not {VERSION}")
    env = _known(document.get("env") or {}, "env", "env")
    if env.get("shell") != "bash":
        raise BuildspecError("env.shell is not bash: the twin's builds know no other shell")
    phases = _known(document.get("phases") or {}, "phases", "phases")
    artifacts = _known(document.get("artifacts") or {}, "artifacts", "artifacts")
    secondary = artifacts.get("secondary-artifacts") or {}
    return Buildspec(
        phases={name: _phase(phases.get(name) or {}, name) for name in PHASES},
        variables={name: str(value) for name, value in (env.get("variables") or {}).items()},
        exported=tuple(env.get("exported-variables") or ()),
        files=_files(artifacts) if "files" in artifacts else None,
        secondary={name: _files(_known(each, "artifacts", name)) for name, each in secondary.items()},
    )


def follow(run: Callable[[str], bool]) -> bool:
    """Run the phases in order, as CodeBuild does: a failed build still has its post_build, an earlier failure ends all.

    `run` says whether a phase succeeded. Whether the artifacts are due: they are once the build phase was reached.
    """
    if not run("install") or not run("pre_build"):
        return False
    run("build")
    run("post_build")
    return True


def _phase(document: Any, name: str) -> Phase:
    known = _known(document, "phase", name)
    return Phase(_commands(known.get("commands"), name), _commands(known.get("finally"), name))


def _commands(document: Any, name: str) -> tuple[str, ...]:
    commands: Sequence[Any] = document or ()
    if not all(isinstance(command, str) for command in commands):
        raise BuildspecError(f"{name} has a command that is not a text: quote what holds a colon")
    return tuple(commands)


def _files(document: Mapping[str, Any]) -> Files:
    return Files(
        patterns=tuple(document.get("files") or ()),
        base=str(document.get("base-directory", ".")),
        flat=document.get("discard-paths") in {True, "yes"},
        excluded=tuple(document.get("exclude-paths") or ()),
    )


def _known(document: Any, part: str, name: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise BuildspecError(f"{name} is not a mapping")
    if strange := sorted(str(key) for key in document if key not in KNOWN[part]):
        raise BuildspecError(f"{name} has {', '.join(strange)}, which the twin's builds do not know")
    return document
