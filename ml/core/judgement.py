"""All rules of the policy in their order, each held against what is known of a challenger."""

from __future__ import annotations

from dataclasses import dataclass

from ml.core.candidate import Candidate
from ml.core.evidence import CHALLENGER, Evidence
from ml.core.record import HttpParity, Reason, Rows
from ml.core.rules import fitness, gains, origin, rows
from ml.problem import Problem


@dataclass(frozen=True)
class Case:
    """All that the rules look at."""

    problem: Problem
    rows: Rows
    challenger: Candidate
    champion: Candidate | None
    champion_days: float | None
    parity: HttpParity | None
    again: bool
    left_out: str

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


def judge(case: Case, evidence: Evidence | None) -> tuple[Reason, ...]:
    """Every rule's outcome; `evidence` is None where the rows give no numbers, and what needs them then fails."""
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


def _about_labels(case: Case, evidence: Evidence | None) -> tuple[Reason, ...]:
    gate = case.problem.gate
    if evidence is None:
        return rows.not_judged("labels"), rows.not_judged("leak")
    value = evidence.metrics[CHALLENGER][gate.metric].value
    measure = "ROC AUC" if case.problem.task == "binary" else "R2"
    return (
        rows.labels(case.challenger.validation, value, evidence.standard_error, gate),
        rows.no_leak(evidence.leak, measure, gate),
    )


def _about_origin(case: Case) -> tuple[Reason, ...]:
    challenger, champion, gate = case.challenger, case.champion, case.problem.gate
    return (
        origin.parity(case.parity, case.problem.tolerance.parity),
        origin.another_bundle(challenger.digest, champion.digest if champion else None),
        origin.other_inputs(same=case.same_inputs, gate=gate),
        origin.not_rolled_back(challenger.version, challenger.rolled_back, again=case.again),
        origin.real_rows(
            challenger_synthetic=challenger.synthetic, champion_synthetic=champion.synthetic if champion else True
        ),
        origin.first_release(champion=champion is not None, left_out=case.left_out, gate=gate),
    )


def _about_numbers(case: Case, evidence: Evidence | None) -> tuple[Reason, ...]:
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
