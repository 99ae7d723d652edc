"""Whether a challenger may replace the champion: both judged on the same rows under the problem's policy, on record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import AwareDatetime

from ml.core import rules
from ml.core.bootstrap import Gain, Interval, resample
from ml.core.frame import KEY, TARGET, Keys
from ml.core.leakage import Leak, strongest_single_feature
from ml.core.rules import Reason
from ml.gate import Gate
from ml.problem import Problem
from service.predictor import Vector
from service.schema import Frozen

LARGEST = float(np.finfo(np.float64).max)
METHOD = (
    "Both models on the same holdout rows; intervals by the percentile bootstrap of rows, gains paired by resample, "
    "one-sided bounds at the policy's confidence."
)


@dataclass(frozen=True)
class Candidate:
    """A model as the gate sees it.

    `outputs` are its probabilities or values on the holdout rows, in their order; `trained_on` the key hashes of its
    training rows; `rolled_back` says when and why a person took it back, if one did; `synthetic` that the training
    rows were made up.
    """

    version: str
    digest: str
    outputs: Vector
    trained_on: Keys
    rolled_back: str | None = None
    synthetic: bool = False


class Rows(Frozen):
    """Holdout rows given, taken out because a model was trained on them, and used."""

    holdout: int
    removed: int
    used: int


class Judged(Frozen):
    """A model and its metrics on the rows used; no metrics where the rows give none."""

    version: str
    digest: str
    metrics: dict[str, Interval]


class Decision(Frozen):
    """The content of decision.json. `reasons` holds every rule in order; `reason` is the first that failed, or the
    gain where all held. Guards map metrics to gains, so a harm is negative."""

    format: Literal[1] = 1
    problem: str
    verdict: Literal["promote", "reject"]
    reason: str
    reasons: tuple[Reason, ...]
    rows: Rows
    metric: str
    champion: Judged | None
    challenger: Judged
    gain: Gain | None
    guards: dict[str, Gain]
    leak: Leak | None
    policy: Gate
    again: bool
    method: str = METHOD
    seed: int
    resamples: int
    decided_at: AwareDatetime

    @property
    def promoted(self) -> bool:
        return self.verdict == "promote"


@dataclass(frozen=True)
class _Evidence:
    """What the rows say; without a champion there are no gains."""

    leak: Leak
    metrics: Mapping[str, Mapping[str, Interval]]
    gains: Mapping[str, Gain]


def decide(
    problem: Problem,
    holdout: pd.DataFrame,
    champion: Candidate | None,
    challenger: Candidate,
    *,
    resamples: int,
    seed: int,
    decided_at: datetime,
    again: bool = False,
) -> Decision:
    """Judge a challenger; every rule is evaluated and recorded.

    `holdout` has the features, `_key` (uint64) and `_target` (float; 0 or 1 where binary). `again` is a person's wish
    to release a version that was rolled back. Equal arguments give an equal decision. Raises ValueError where keys,
    targets or outputs are not of that form: then nothing can be decided.
    """
    candidates = {"challenger": challenger} | ({"champion": champion} if champion else {})
    require_form(problem, holdout, candidates.values())
    unseen = ~np.isin(holdout[KEY].to_numpy(), np.concatenate([model.trained_on for model in candidates.values()]))
    frame = holdout[unseen]
    rows = Rows(holdout=len(holdout), removed=len(holdout) - len(frame), used=len(frame))
    evidence = None
    if frame[TARGET].nunique() > 1:
        outputs = {name: model.outputs[unseen] for name, model in candidates.items()}
        evidence = _gather(problem, frame, outputs, resamples=resamples, seed=seed)
    reasons = _judge(problem, rows, champion, challenger, evidence, again=again)
    failed = next((reason for reason in reasons if not reason.passed), None)
    gains = evidence.gains if evidence else {}
    return Decision(
        problem=problem.name,
        verdict="reject" if failed else "promote",
        reason=(failed or _deciding(reasons, champion)).text,
        reasons=reasons,
        rows=rows,
        metric=problem.gate.metric,
        champion=_judged("champion", champion, evidence) if champion else None,
        challenger=_judged("challenger", challenger, evidence),
        gain=gains.get(problem.gate.metric),
        guards={name: gains[name] for name in problem.gate.guards if name in gains},
        leak=evidence.leak if evidence else None,
        policy=problem.gate,
        again=again,
        seed=seed,
        resamples=resamples,
        decided_at=decided_at,
    )


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


def _gather(
    problem: Problem, frame: pd.DataFrame, outputs: Mapping[str, Vector], *, resamples: int, seed: int
) -> _Evidence:
    y = frame[TARGET].to_numpy(dtype=np.float64)
    confidence = problem.gate.confidence
    resampled = resample(y, outputs, problem.metrics, resamples=resamples, seed=seed)
    metrics = {
        model: {name: resampled.interval(model, name, confidence) for name in problem.metrics} for model in outputs
    }
    gains = {}
    if "champion" in outputs:
        gains = {name: resampled.gain("champion", "challenger", name, confidence) for name in problem.metrics}
    return _Evidence(leak=strongest_single_feature(frame, y, problem), metrics=metrics, gains=gains)


def _judge(
    problem: Problem,
    rows: Rows,
    champion: Candidate | None,
    challenger: Candidate,
    evidence: _Evidence | None,
    *,
    again: bool,
) -> tuple[Reason, ...]:
    gate = problem.gate
    data = (
        rules.unseen_rows(rows.holdout, rows.removed),
        rules.minimum_rows(rows.used, rows.removed, gate),
        rules.varied_target(evidence is not None),
    )
    bundle = (
        rules.another_bundle(challenger.digest, champion.digest if champion else None),
        rules.not_rolled_back(challenger.version, challenger.rolled_back, again=again),
        rules.real_rows(
            challenger_synthetic=challenger.synthetic, champion_synthetic=champion.synthetic if champion else True
        ),
    )
    if evidence is None:
        floors, guards = (f"floor:{name}" for name in gate.floors), (f"guard:{name}" for name in gate.guards)
        numbers = (*floors, "gain", *guards)
        return (*data, rules.not_judged("leak"), *bundle, *map(rules.not_judged, numbers))
    return (
        *data,
        rules.no_leak(evidence.leak, "ROC AUC" if problem.task == "binary" else "R2", gate),
        *bundle,
        *(rules.floor(name, evidence.metrics["challenger"][name], bound) for name, bound in gate.floors.items()),
        rules.gain(evidence.gains.get(gate.metric), gate),
        *(rules.no_harm(name, evidence.gains.get(name), allowed) for name, allowed in gate.guards.items()),
    )


def _judged(role: str, model: Candidate, evidence: _Evidence | None) -> Judged:
    metrics = dict(evidence.metrics[role]) if evidence else {}
    return Judged(version=model.version, digest=model.digest, metrics=metrics)


def _deciding(reasons: tuple[Reason, ...], champion: Candidate | None) -> Reason:
    """The rule that tells best why a challenger passed: its gain, or the floor where there was nothing to beat."""
    decisive = "gain" if champion else "floor:"
    return next(reason for reason in reasons if reason.rule.startswith(decisive))
