"""The loop on one machine: data arrives, retrain, prove, release, roll back. What the commands do, without a face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ml.core.decision import Candidate, decide
from ml.core.frame import columns_of
from ml.core.record import Attached, Decision, Lineage, Replay, record_bytes
from ml.errors import UserError
from ml.io import dvc, tags
from ml.io.artifacts import fetch_bundle, log_decision, training_keys
from ml.io.log import event
from ml.io.objects import fetched
from ml.io.person import person
from ml.io.raw import arrive, default_request, requested
from ml.io.registry import Registry, Rollback, Version
from ml.io.tables import DECISION, HOLDOUT, REGISTERED, read_json, read_table
from ml.io.workspace import Workspace
from ml.problem import Problem
from service.bundle import Bundle
from service.predictor import Vector, load_predictor
from service.schema import Schema


@dataclass(frozen=True)
class Trained:
    """The version that stands for the data, parameters and code as they are; `reused` when nothing had changed."""

    version: Version
    reused: bool


@dataclass(frozen=True)
class Proof:
    """A decision and the versions that it is about."""

    decision: Decision
    challenger: Version
    champion: Version | None


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


def prove(
    workspace: Workspace, problem: Problem, number: int | None = None, *, again: bool = False, alone: bool = False
) -> Proof:
    """Judge a version, by default the challenger, against the champion on the current holdout; record the decision.

    `alone` leaves the champion out, for when it cannot score the rows of a changed problem; `again` allows a version
    that a person rolled back. Raises UserError when there is nothing to compare, or no rows.
    """
    registry = Registry(workspace.tracking, problem.name)
    challenger = registry.version(number) if number is not None else newest_challenger(registry)
    champion = registry.aliased(tags.CHAMPION)
    holdout = _holdout(workspace, problem)
    against = "the floor" if champion is None or alone else f"version {champion.number}"
    event("proving", problem=problem.name, version=challenger.number, against=against, rows=len(holdout))
    params = workspace.params()
    try:
        decision = decide(
            problem,
            holdout,
            None if champion is None or alone else _candidate(workspace, champion, holdout),
            _candidate(workspace, challenger, holdout),
            attached=_attached(challenger),
            parity=None,
            resamples=params.resamples,
            seed=params.seed,
            decided_at=datetime.now(UTC),
            again=again,
        )
    except ValueError as error:
        raise UserError(f"nothing can be decided about version {challenger.number}: {error}") from error
    record = record_bytes(decision)
    (workspace.work(problem.name) / DECISION).write_bytes(record)
    log_decision(registry, challenger.number, record)
    return Proof(decision, challenger, champion)


def promote(
    workspace: Workspace, problem: Problem, number: int | None = None, *, again: bool = False, alone: bool = False
) -> Proof:
    """Prove, and release the version when the policy allows it."""
    proof = prove(workspace, problem, number, again=again, alone=alone)
    if not proof.decision.promoted:
        return proof
    expected = proof.champion.number if proof.champion else None
    registry = Registry(workspace.tracking, problem.name)
    released = registry.promote(proof.challenger.number, expected=expected, by=person())
    return Proof(proof.decision, released, proof.champion)


def rollback(workspace: Workspace, problem: Problem, reason: str) -> Rollback:
    """Serve the previous version again; the one taken out stays out until a person wants it back."""
    return Registry(workspace.tracking, problem.name).rollback(reason)


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


def _holdout(workspace: Workspace, problem: Problem) -> pd.DataFrame:
    path = workspace.work(problem.name) / HOLDOUT
    if not path.exists():
        raise UserError(f"there are no held-out rows of {problem.name!r} here; run `evergreen train {problem.name}`")
    return read_table(path)


def _candidate(workspace: Workspace, version: Version, holdout: pd.DataFrame) -> Candidate:
    return Candidate(
        version=str(version.number),
        digest=version.digest,
        outputs=_outputs(workspace, version, holdout),
        trained_on=training_keys(workspace.tracking, version),
        trained_at=version.created,
        data_digest=version.tags.get(tags.DATA_DIGEST, ""),
        params_digest=version.tags.get(tags.PARAMS_DIGEST, ""),
        rolled_back=version.rolled_back,
        synthetic=version.tags.get(tags.SYNTHETIC) == "true",
    )


def _attached(version: Version) -> Attached:
    said = "No captured requests were replayed."
    known = version.tags
    return Attached(
        replay=Replay(status="not_captured", said=said),
        explanation=None,
        lineage=Lineage(
            git_commit=known.get(tags.GIT_COMMIT, ""),
            git_dirty=known.get(tags.GIT_DIRTY) == "true",
            data_source=known.get(tags.SOURCE, ""),
            data_digest=known.get(tags.DATA_DIGEST, ""),
            params_digest=known.get(tags.PARAMS_DIGEST, ""),
            environment_digest=known.get(tags.ENVIRONMENT_DIGEST, ""),
            run_id=version.run_id,
            bundle_digest=version.digest,
            image=known.get(tags.IMAGE, ""),
            triggered_by=known.get(tags.TRIGGERED_BY, ""),
            reason=known.get(tags.REASON, ""),
            trained_at=version.created,
        ),
    )


def _outputs(workspace: Workspace, version: Version, holdout: pd.DataFrame) -> Vector:
    """The serving predictor's outputs. Raises UserError when the rows do not fit the version's own schema."""
    bundle = bundle_of(workspace, version)
    _require_fit(bundle.schema, holdout, version)
    return load_predictor(bundle).many(columns_of(bundle.schema, holdout))


def _require_fit(schema: Schema, holdout: pd.DataFrame, version: Version) -> None:
    way_out = "use --alone to judge the challenger without it"
    for feature in schema.features:
        if feature.name not in holdout:
            raise UserError(
                f"version {version.number} needs {feature.name!r}, which the rows no longer have; {way_out}"
            )
        known = np.isin(holdout[feature.name].dropna().unique().tolist(), feature.levels) if feature.levels else True
        if not np.all(known):
            raise UserError(f"version {version.number} does not know every level of {feature.name!r}; {way_out}")
