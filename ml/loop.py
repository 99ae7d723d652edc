"""The loop on one machine: data arrives, retrain. What the commands do, without a face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml.errors import UserError
from ml.io import dvc, tags
from ml.io.artifacts import fetch_bundle
from ml.io.log import event
from ml.io.objects import fetched
from ml.io.raw import arrive, default_request, requested
from ml.io.registry import Registry, Version
from ml.io.tables import REGISTERED, read_json
from ml.io.workspace import Workspace
from ml.problem import Problem
from service.bundle import Bundle


@dataclass(frozen=True)
class Trained:
    """The version that stands for the data, parameters and code as they are; `reused` when nothing had changed."""

    version: Version
    reused: bool


def train(workspace: Workspace, problem: Problem, *, data: str | None, until: str | None, reason: str) -> Trained:
    """Let data arrive and rerun what changed; the version of the result becomes the challenger.

    Raises UserError; what had arrived before is then in place again and nothing is registered.
    """
    event("pipeline", problem=problem.name, runs="the stages whose inputs changed")
    registry = Registry(workspace.tracking, problem.name)
    known = {version.number for version in registry.versions()}
    with _arrival(workspace, problem, data, until):
        dvc.repro(workspace.root, problem.name, reason=reason)
    version = _registered(workspace, problem, registry, reason)
    event("pushing", problem=problem.name, to="the DVC remote")
    dvc.push(workspace.root, problem.name)
    if tags.CHAMPION not in version.aliases:
        registry.set_challenger(version.number)
        version = registry.version(version.number)
    return Trained(version, reused=version.number in known)


def bundle_of(workspace: Workspace, version: Version) -> Bundle:
    """A verified copy of a version's bundle on this disk."""
    folder = workspace.root / "var" / "proof" / version.name / version.digest
    return fetch_bundle(workspace.tracking, version, folder)


@contextmanager
def _arrival(workspace: Workspace, problem: Problem, data: str | None, until: str | None) -> Iterator[None]:
    """What was asked for stands in data/raw while the pipeline runs, and stays only if that succeeds."""
    folder = workspace.raw(problem.name)
    with fetched(data, problem.name) as found:
        request = requested(problem, data=found.data, until=until, label=found.label)
        if request is None and (found.nothing or not folder.exists()):
            request = default_request(problem)
        arrival = (
            arrive(folder, request, Path(found.data) if found.data and request.file else None) if request else None
        )
    if arrival is None:
        yield
        return
    try:
        yield
    except BaseException:
        arrival.undo()
        raise
    arrival.keep()


def _registered(workspace: Workspace, problem: Problem, registry: Registry, reason: str) -> Version:
    """The version that the pipeline registered; registered again when this registry does not know it."""
    path = workspace.work(problem.name) / REGISTERED
    for again in (False, True):
        if again:
            dvc.repeat(workspace.root, problem.name, "register", reason=reason)
        document = read_json(path)
        for version in registry.versions():
            if version.number == document["version"] and version.digest == document["digest"]:
                return version
    raise UserError(f"the model of {problem.name!r} could not be registered at {workspace.tracking.uri}")


def newest_challenger(registry: Registry) -> Version:
    """The version under the alias, or the newest one where the pipeline was run without the loop."""
    if (version := registry.aliased(tags.CHALLENGER)) is not None:
        return version
    versions = registry.versions()
    if not versions:
        raise UserError(f"{registry.name} has no registered version; run `evergreen train {registry.name}`")
    if tags.CHAMPION in versions[0].aliases:
        raise UserError(f"{registry.name} has no challenger; its newest version, {versions[0].number}, is the champion")
    return versions[0]
