"""Prove a version: gather the evidence about it and the champion, decide under the policy, and put both on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ml.approval import approve
from ml.core.decision import Candidate, decide
from ml.core.explanation import Model, explain
from ml.core.frame import columns_of
from ml.core.record import Attached, Decision, Validation, record_bytes
from ml.errors import UserError
from ml.io import tags
from ml.io.artifacts import log_proof, training_keys
from ml.io.log import event
from ml.io.person import person
from ml.io.registry import Registry, Version
from ml.io.tables import DECISION, HOLDOUT, REPORT, read_table
from ml.io.workspace import Workspace
from ml.loop import bundle_of, newest_challenger
from ml.page import decision_page
from ml.problem import Problem
from ml.proof.cost import cost
from ml.proof.http_parity import prove_over_http
from ml.proof.lineage import lineage, trained_at
from ml.proof.replaying import replay_captured
from service.bundle import CARD, Bundle
from service.predictor import Predictor, Vector, load_predictor
from service.schema import Schema

WAY_OUT = "use --alone to judge the challenger without it"


@dataclass(frozen=True)
class Proof:
    """A decision, the versions that it is about, and where the page is on this disk."""

    decision: Decision
    challenger: Version
    champion: Version | None
    page: Path


@dataclass(frozen=True)
class Contender:
    """A version, ready to answer. `outputs` are those of the serving predictor on the holdout."""

    version: Version
    bundle: Bundle
    predictor: Predictor
    outputs: Vector

    @property
    def model(self) -> Model:
        return Model(self.bundle.schema, self.predictor.many)

    @property
    def served(self) -> tuple[Bundle, Predictor]:
        return self.bundle, self.predictor


def prove(
    workspace: Workspace, problem: Problem, number: int | None = None, *, again: bool = False, alone: bool = False
) -> Proof:
    """Judge a version, by default the challenger, against the champion on the current holdout; nothing is released.

    `alone` leaves the champion out, for when it cannot score the rows of a changed problem; `again` allows a version
    that a person rolled back. Raises UserError when there is nothing to compare, or no rows.
    """
    registry = Registry(workspace.tracking, problem.name)
    version = registry.version(number) if number is not None else newest_challenger(registry)
    present = registry.aliased(tags.CHAMPION)
    holdout = _holdout(workspace, problem)
    if alone and present is not None:
        _require_misfit(workspace, present, version, holdout)
    against = None if alone else present
    event(
        "proving",
        problem=problem.name,
        version=version.number,
        against=f"version {against.number}" if against else "the floors",
        rows=len(holdout),
    )
    challenger = _contender(workspace, version, holdout)
    champion = _contender(workspace, against, holdout) if against else None
    left_out = str(present.number) if alone and present else ""
    decision = _decide(workspace, problem, holdout, champion, challenger, again=again, left_out=left_out)
    page = _keep(workspace, registry, version, decision)
    return Proof(decision, version, against, page)


def promote(
    workspace: Workspace,
    problem: Problem,
    number: int | None = None,
    *,
    again: bool = False,
    alone: bool = False,
    why: str = "the policy allows it",
) -> Proof:
    """Prove, and approve in the name of whoever runs this when the policy allows it."""
    proof = prove(workspace, problem, number, again=again, alone=alone)
    if not proof.decision.promoted:
        return proof
    registry = Registry(workspace.tracking, problem.name)
    released = approve(registry, proof.challenger.number, by=person(), why=why)
    return Proof(proof.decision, released.champion, proof.champion, proof.page)


def _decide(
    workspace: Workspace,
    problem: Problem,
    holdout: pd.DataFrame,
    champion: Contender | None,
    challenger: Contender,
    *,
    again: bool,
    left_out: str,
) -> Decision:
    params = workspace.params()
    event("parity", problem=problem.name, by="the service over HTTP")
    parity = prove_over_http(challenger.bundle)
    attached = _attached(workspace, problem, holdout, champion, challenger)
    event("comparing", problem=problem.name, rows=len(holdout), resamples=params.resamples)
    try:
        return decide(
            problem,
            holdout,
            _candidate(workspace, champion) if champion else None,
            _candidate(workspace, challenger),
            attached=attached,
            parity=parity,
            resamples=params.resamples,
            seed=params.seed,
            decided_at=datetime.now(UTC),
            again=again,
            left_out=left_out,
        )
    except ValueError as error:
        number = challenger.version.number
        raise UserError(f"nothing can be decided about version {number}: {error}") from error


def _attached(
    workspace: Workspace, problem: Problem, holdout: pd.DataFrame, champion: Contender | None, challenger: Contender
) -> Attached:
    """What is shown and not judged: captured requests answered again, explanations, where the version came from."""
    params = workspace.params()
    event("replaying", problem=problem.name, rows=f"the last {params.replayed_rows:,} captured")
    replay = replay_captured(
        problem,
        champion.served if champion else None,
        challenger.served,
        background=holdout,
        folder=workspace.captured,
        bucket=workspace.capture_bucket,
        count=params.replayed_rows,
        seed=params.seed,
    )
    event("explaining", problem=problem.name, rows=params.explained_rows)
    explanation = explain(
        challenger.model,
        champion.model if champion else None,
        holdout,
        explained=params.explained_rows,
        seed=params.seed,
    )
    origin = lineage(workspace.tracking, challenger.version, challenger.bundle)
    return Attached(replay=replay, explanation=explanation, lineage=origin)


def _keep(workspace: Workspace, registry: Registry, version: Version, decision: Decision) -> Path:
    """The record and the page, on disk and beside the version's model; where the page is."""
    record, page = record_bytes(decision), decision_page(decision).encode()
    work = workspace.work(registry.name)
    (work / DECISION).write_bytes(record)
    (work / REPORT).write_bytes(page)
    log_proof(registry, version.number, record, page)
    return work / REPORT


def _holdout(workspace: Workspace, problem: Problem) -> pd.DataFrame:
    path = workspace.work(problem.name) / HOLDOUT
    if not path.exists():
        raise UserError(f"there are no held-out rows of {problem.name!r} here; run `evergreen train {problem.name}`")
    return read_table(path)


def _contender(workspace: Workspace, version: Version, holdout: pd.DataFrame) -> Contender:
    """Raises UserError when the rows do not fit the version's own schema."""
    bundle = bundle_of(workspace, version)
    _require_fit(bundle.schema, holdout, version)
    predictor = load_predictor(bundle)
    return Contender(version, bundle, predictor, predictor.many(columns_of(bundle.schema, holdout)))


def _candidate(workspace: Workspace, contender: Contender) -> Candidate:
    version, content = contender.version, contender.bundle.manifest.content
    return Candidate(
        version=str(version.number),
        digest=version.digest,
        outputs=contender.outputs,
        trained_on=training_keys(workspace.tracking, version),
        trained_at=trained_at(version, contender.bundle),
        data_digest=content.data_digest,
        params_digest=content.params_digest,
        rolled_back=_taken_back(version),
        synthetic=_synthetic(version),
        cost=cost(contender.bundle, contender.predictor),
        validation=_validation(contender.bundle),
    )


def _taken_back(version: Version) -> str | None:
    """A person's last no, which only `again` overrules: a rollback, or a rejection."""
    return version.rolled_back or (f"rejected {version.rejected}" if version.rejected else None)


def _validation(bundle: Bundle) -> Validation | None:
    """What the bundle's card says of rows set aside within training; older bundles say nothing."""
    found = bundle.document(CARD).get("validation")
    return None if found is None else Validation.model_validate(found)


def _require_fit(schema: Schema, holdout: pd.DataFrame, version: Version) -> None:
    if (reason := _misfit(schema, holdout)) is not None:
        raise UserError(f"version {version.number} {reason}; {WAY_OUT}")


def _require_misfit(workspace: Workspace, champion: Version, challenger: Version, holdout: pd.DataFrame) -> None:
    """A champion is left out only where it cannot answer, and made-up rows unseat no real ones on that way either."""
    if _misfit(bundle_of(workspace, champion).schema, holdout) is None:
        raise UserError(
            f"the champion, version {champion.number}, can score the rows; prove version {challenger.number} against "
            "it, without --alone"
        )
    if _synthetic(challenger) and not _synthetic(champion):
        raise UserError(
            f"version {challenger.number} learnt from made-up rows and the champion, version {champion.number}, from "
            "real ones, so it cannot be proved without it"
        )


def _synthetic(version: Version) -> bool:
    return version.tags.get(tags.SYNTHETIC) == "true"


def _misfit(schema: Schema, holdout: pd.DataFrame) -> str | None:
    """Why a model of the schema cannot score the rows."""
    for feature in schema.features:
        if feature.name not in holdout:
            return f"needs {feature.name!r}, which the rows no longer have"
        known = np.isin(holdout[feature.name].dropna().unique().tolist(), feature.levels) if feature.levels else True
        if not np.all(known):
            return f"does not know every level of {feature.name!r}"
    return None
