"""Whether a challenger may replace the champion: both judged on the same rows under the problem's policy, on record."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml.core.candidate import Candidate, require_form
from ml.core.evidence import CHALLENGER, CHAMPION, Evidence, gather
from ml.core.frame import KEY, TARGET, digest_of
from ml.core.judgement import Case, judge
from ml.core.record import Attached, Decision, HttpParity, Judged, Reason, Rows
from ml.problem import Problem

__all__ = ["Candidate", "decide"]

METHOD = (
    "Both models on the same holdout rows that neither was trained on; intervals by the expanded percentile bootstrap "
    "of rows (Hesterberg 2015), gains paired by resample, one-sided bounds at the policy's confidence; slices tested "
    "one-sided with the bootstrap's standard error and corrected together (Benjamini-Hochberg)."
)


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
    left_out: str = "",
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
    case = Case(
        problem=problem,
        rows=Rows(
            holdout=len(holdout),
            removed=len(holdout) - len(frame),
            used=len(frame),
            trained_by_challenger=int(trained[CHALLENGER].sum()),
            trained_by_champion=int(trained[CHAMPION].sum()) if champion else None,
            digest=digest_of(holdout),
        ),
        challenger=challenger,
        champion=champion,
        champion_days=(decided_at - champion.trained_at) / timedelta(days=1) if champion else None,
        parity=parity,
        again=again,
        left_out=left_out,
    )
    evidence = None
    if frame[TARGET].nunique() > 1:
        outputs = {role: model.outputs[unseen] for role, model in candidates.items()}
        validations = {role: model.validation for role, model in candidates.items()}
        evidence = gather(problem, frame, outputs, validations, resamples=resamples, seed=seed)
    return _decision(case, evidence, attached, resamples=resamples, seed=seed, decided_at=decided_at)


def _decision(
    case: Case, evidence: Evidence | None, attached: Attached, *, resamples: int, seed: int, decided_at: datetime
) -> Decision:
    problem, gate = case.problem, case.problem.gate
    reasons = judge(case, evidence)
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
        left_out=case.left_out,
        method=METHOD,
        seed=seed,
        resamples=resamples,
        decided_at=decided_at,
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


def _deciding(reasons: tuple[Reason, ...], case: Case) -> Reason:
    """The rule that tells best why a challenger passed: its gain, or the floor where there was nothing to beat."""
    decisive = "gain" if case.champion else f"floor:{case.problem.gate.metric}"
    return next(reason for reason in reasons if reason.rule == decisive)
