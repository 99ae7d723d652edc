"""Whether a challenger may replace the champion: both judged on the same rows under the problem's policy, on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml.core.evidence import CHALLENGER, CHAMPION, Evidence, gather
from ml.core.frame import KEY, TARGET, Keys
from ml.core.record import Attached, Cost, Decision, HttpParity, Judged, Reason, Rows, Validation
from ml.core.rules import fitness, gains, origin, rows
from ml.problem import Problem
from service.predictor import Vector

LARGEST = float(np.finfo(np.float64).max)
METHOD = (
    "Both models on the same holdout rows that neither was trained on; intervals by the expanded percentile bootstrap "
    "of rows (Hesterberg 2015), gains paired by resample, one-sided bounds at the policy's confidence; slices tested "
    "one-sided with the bootstrap's standard error and corrected together (Benjamini-Hochberg)."
)


@dataclass(frozen=True)
class Candidate:
    """A model as the gate sees it.

    `outputs` are its probabilities or values on the holdout rows, in their order; `trained_on` the key hashes of its
    training rows; `rolled_back` says when and why a person took it back, if one did; `synthetic` that the training
    rows were made up. An empty digest of data or parameters is one that is not known. `cost` and `validation` are None
    where they were not measured, as in bundles of before there were any.
    """

    version: str
    digest: str
    outputs: Vector
    trained_on: Keys
    trained_at: datetime
    data_digest: str
    params_digest: str
    rolled_back: str | None = None
    synthetic: bool = False
    cost: Cost | None = None
    validation: Validation | None = None


@dataclass(frozen=True)
class _Case:
    """All that the rules look at."""

    problem: Problem
    rows: Rows
    challenger: Candidate
    champion: Candidate | None
    champion_days: float | None
    parity: HttpParity | None
    again: bool

    @property
    def same_inputs(self) -> bool:
        if self.champion is None:
            return False
        ours, theirs = ((model.data_digest, model.params_digest) for model in (self.challenger, self.champion))
        return all(ours) and ours == theirs

    @property
    def lenient(self) -> str:
        """Why not worse is enough, or nothing."""
        gate = self.problem.gate
        if gate.freshness and self.champion_days is not None and self.champion_days > gate.freshness.days:
            return f"the champion is {self.champion_days:.0f} days old, more than {gate.freshness.days}"
        if self.same_inputs and gate.same_inputs == "not_worse":
            return "data and parameters are the champion's"
        return ""


def decide(
    problem: Problem,
    holdout: pd.DataFrame,
    champion: Candidate | None,
    challenger: Candidate,
    *,
    attached: Attached,
    parity: HttpParity | None,
    resamples: int,
    seed: int,
    decided_at: datetime,
    again: bool = False,
) -> Decision:
    """Judge a challenger; every rule is evaluated and recorded.

    `holdout` has the features, `_key` (uint64) and `_target` (float; 0 or 1 where binary). `attached` is shown and not
    judged; `parity` is None where the real service was not asked. `again` is a person's wish to release a version that
    was rolled back. Equal arguments give an equal decision. Raises ValueError where keys, targets, outputs or clocks
    are not of that form: then nothing can be decided.
    """
    candidates = {CHALLENGER: challenger} | ({CHAMPION: champion} if champion else {})
    require_form(problem, holdout, candidates.values())
    if decided_at.tzinfo is None or any(model.trained_at.tzinfo is None for model in candidates.values()):
        raise ValueError("decided_at and trained_at need a time zone")
    trained = {role: np.isin(holdout[KEY].to_numpy(), model.trained_on) for role, model in candidates.items()}
    unseen = ~np.logical_or.reduce(list(trained.values()))
    frame = holdout[unseen]
    case = _Case(
        problem=problem,
        rows=Rows(
            holdout=len(holdout),
            removed=len(holdout) - len(frame),
            used=len(frame),
            trained_by_challenger=int(trained[CHALLENGER].sum()),
            trained_by_champion=int(trained[CHAMPION].sum()) if champion else None,
        ),
        challenger=challenger,
        champion=champion,
        champion_days=(decided_at - champion.trained_at) / timedelta(days=1) if champion else None,
        parity=parity,
        again=again,
    )
    evidence = None
    if frame[TARGET].nunique() > 1:
        outputs = {role: model.outputs[unseen] for role, model in candidates.items()}
        validations = {role: model.validation for role, model in candidates.items()}
        evidence = gather(problem, frame, outputs, validations, resamples=resamples, seed=seed)
    return _decision(case, evidence, attached, resamples=resamples, seed=seed, decided_at=decided_at)


def require_form(problem: Problem, holdout: pd.DataFrame, candidates: Iterable[Candidate]) -> None:
    """Raise ValueError unless keys can be matched and every target and output is a number that metrics are defined on.

    Keys of another type than uint64 would compare unequal after rounding and let training rows through.
    """
    if holdout[KEY].dtype != np.uint64:
        raise ValueError(f"the holdout's keys are {holdout[KEY].dtype}, not uint64")
    targets = holdout[TARGET].to_numpy(dtype=np.float64)
    if not np.isfinite(targets).all() or (problem.task == "binary" and not np.isin(targets, (0.0, 1.0)).all()):
        raise ValueError("the holdout's targets are not all " + ("0 or 1" if problem.task == "binary" else "finite"))
    for model in candidates:
        if model.trained_on.dtype != np.uint64 or not len(model.trained_on):
            raise ValueError(f"version {model.version} does not say as uint64 keys which rows it was trained on")
        if model.outputs.shape != targets.shape:
            raise ValueError(f"version {model.version} has {len(model.outputs):,} outputs for {len(targets):,} rows")
        low, high = (0.0, 1.0) if problem.task == "binary" else (-LARGEST, LARGEST)
        if bad := int(np.sum(~((model.outputs >= low) & (model.outputs <= high)))):
            raise ValueError(f"version {model.version} gives {bad:,} outputs that are not valid predictions")


def _decision(
    case: _Case, evidence: Evidence | None, attached: Attached, *, resamples: int, seed: int, decided_at: datetime
) -> Decision:
    problem, gate = case.problem, case.problem.gate
    reasons = _judge(case, evidence)
    failed = next((reason for reason in reasons if not reason.passed), None)
    found = evidence.gains if evidence else {}
    return Decision(
        problem=problem.name,
        title=problem.title,
        task=problem.task,
        output=problem.output.model_dump(mode="json"),
        verdict="reject" if failed else "promote",
        reason=(failed or _deciding(reasons, case)).text,
        reasons=reasons,
        rows=case.rows,
        metric=gate.metric,
        challenger=_judged(CHALLENGER, case.challenger, evidence),
        champion=_judged(CHAMPION, case.champion, evidence) if case.champion else None,
        champion_days=case.champion_days,
        gain=found.get(gate.metric),
        guards={name: found[name] for name in gate.guards if name in found},
        slices=evidence.slices if evidence else (),
        leak=evidence.leak if evidence else None,
        parity=case.parity,
        attached=attached,
        policy=gate,
        again=case.again,
        method=METHOD,
        seed=seed,
        resamples=resamples,
        decided_at=decided_at,
    )


def _judge(case: _Case, evidence: Evidence | None) -> tuple[Reason, ...]:
    return (
        rows.unseen_rows(case.rows),
        rows.minimum_rows(case.rows, case.problem.gate),
        rows.varied_target(evidence is not None),
        *_about_labels(case, evidence),
        *_about_origin(case),
        *_about_numbers(case, evidence),
        fitness.latency(case.challenger.cost, case.problem.gate),
        fitness.size(case.challenger.cost, case.problem.gate),
    )


def _about_labels(case: _Case, evidence: Evidence | None) -> tuple[Reason, ...]:
    gate = case.problem.gate
    if evidence is None:
        return rows.not_judged("labels"), rows.not_judged("leak")
    value = evidence.metrics[CHALLENGER][gate.metric].value
    measure = "ROC AUC" if case.problem.task == "binary" else "R2"
    return (
        rows.labels(case.challenger.validation, value, evidence.standard_error, gate),
        rows.no_leak(evidence.leak, measure, gate),
    )


def _about_origin(case: _Case) -> tuple[Reason, ...]:
    challenger, champion, gate = case.challenger, case.champion, case.problem.gate
    return (
        origin.parity(case.parity, case.problem.tolerance.parity),
        origin.another_bundle(challenger.digest, champion.digest if champion else None),
        origin.other_inputs(same=case.same_inputs, gate=gate),
        origin.not_rolled_back(challenger.version, challenger.rolled_back, again=case.again),
        origin.real_rows(
            challenger_synthetic=challenger.synthetic, champion_synthetic=champion.synthetic if champion else True
        ),
        origin.first_release(champion=champion is not None, gate=gate),
    )


def _about_numbers(case: _Case, evidence: Evidence | None) -> tuple[Reason, ...]:
    gate = case.problem.gate
    if evidence is None:
        floors, guards = (f"floor:{name}" for name in gate.floors), (f"guard:{name}" for name in gate.guards)
        return tuple(map(rows.not_judged, (*floors, "gain", *guards, "slices", "calibration")))
    metrics, found = evidence.metrics[CHALLENGER], evidence.gains
    calibrated, stated = evidence.calibrated[CHALLENGER], case.challenger.validation
    return (
        *(gains.floor(name, metrics[name], bound) for name, bound in gate.floors.items()),
        gains.gain(found.get(gate.metric), gate, lenient=case.lenient, equal=evidence.equal),
        *(gains.no_harm(name, found.get(name), allowed) for name, allowed in gate.guards.items()),
        fitness.slices(evidence.slices, gate, champion=case.champion is not None),
        fitness.calibration(calibrated, stated, gate, chance=evidence.chance),
    )


def _judged(role: str, model: Candidate, evidence: Evidence | None) -> Judged:
    return Judged(
        version=model.version,
        digest=model.digest,
        metrics=dict(evidence.metrics[role]) if evidence else {},
        calibration=evidence.calibrated[role] if evidence else None,
        cost=model.cost,
        validation=model.validation,
    )


def _deciding(reasons: tuple[Reason, ...], case: _Case) -> Reason:
    """The rule that tells best why a challenger passed: its gain, or the floor where there was nothing to beat."""
    decisive = "gain" if case.champion else f"floor:{case.problem.gate.metric}"
    return next(reason for reason in reasons if reason.rule == decisive)
