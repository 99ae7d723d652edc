"""The release policy, one rule a function: each says whether it holds and why, in one sentence with its numbers."""

from __future__ import annotations

from ml.core.bootstrap import Gain, Interval
from ml.core.leakage import Leak
from ml.core.metrics import greater_is_better
from ml.gate import Gate
from service.schema import Frozen


class Reason(Frozen):
    """One rule's outcome. `text` is for a person."""

    rule: str
    passed: bool
    text: str


def unseen_rows(holdout: int, removed: int) -> Reason:
    """Rows that a model was trained on are never judged on; that some were taken out is told, not punished."""
    text = f"None of the {holdout:,} holdout rows was used to train either model."
    if removed:
        text = f"{removed:,} of {holdout:,} holdout rows were taken out because a model was trained on them."
    return Reason(rule="unseen_rows", passed=True, text=text)


def minimum_rows(rows: int, removed: int, gate: Gate) -> Reason:
    passed = rows >= gate.minimum_rows
    text = f"{rows:,} rows judge the models; the policy asks for {gate.minimum_rows:,} at least."
    if not passed:
        taken = f" after {removed:,} that a model was trained on were taken out" if removed else ""
        text = f"Too few rows: {rows:,} are left{taken}, and the policy asks for {gate.minimum_rows:,} at least."
    return Reason(rule="minimum_rows", passed=passed, text=text)


def varied_target(varied: bool) -> Reason:
    text = "The target varies on the rows." if varied else "The target has one value only on the rows that are left."
    return Reason(rule="target", passed=varied, text=text)


def no_leak(leak: Leak, measure: str, gate: Gate) -> Reason:
    passed = leak.score < gate.leak
    score = f"{measure} {number(leak.score)}"
    text = f"The strongest single feature, {leak.feature}, reaches {score} alone, below the limit of {gate.leak:g}."
    if not passed:
        text = (
            f"Leaky data: {leak.feature} alone reaches {score}, at or above the limit of {gate.leak:g}; it looks like "
            "a copy of the target."
        )
    return Reason(rule="leak", passed=passed, text=text)


def another_bundle(challenger: str, champion: str | None) -> Reason:
    if challenger == champion:
        text = f"Same bundle: the challenger is the champion, digest {challenger[:12]}; there is nothing to release."
        return Reason(rule="same_bundle", passed=False, text=text)
    against = "there is no champion" if champion is None else f"it differs from the champion's {champion[:12]}"
    return Reason(rule="same_bundle", passed=True, text=f"The bundle {challenger[:12]} is new: {against}.")


def not_rolled_back(version: str, rolled_back: str | None, *, again: bool) -> Reason:
    if rolled_back is None:
        return Reason(rule="rolled_back", passed=True, text=f"Version {version} was never rolled back.")
    text = f"Rolled back: version {version} was taken back by a person ({rolled_back})"
    text += ", who now asks for it again." if again else "; it is released again only when a person asks for it."
    return Reason(rule="rolled_back", passed=again, text=text)


def real_rows(*, challenger_synthetic: bool, champion_synthetic: bool) -> Reason:
    """Made-up rows favour the model that learnt from them, so they cannot unseat one that learnt from real ones."""
    if challenger_synthetic and not champion_synthetic:
        text = "Synthetic: the challenger learnt from made-up rows, and the champion from real ones."
        return Reason(rule="synthetic", passed=False, text=text)
    text = "No model that learnt from real rows would be replaced by one that learnt from made-up ones."
    return Reason(rule="synthetic", passed=True, text=text)


def floor(metric: str, value: Interval, bound: float) -> Reason:
    """An absolute bound on a metric: a least value, or a largest one where smaller is better."""
    upward = greater_is_better(metric)
    passed = value.value >= bound if upward else value.value <= bound
    side = ("at or above" if upward else "at or below") if passed else ("below" if upward else "above")
    head = "" if passed else "Below the floor: " if upward else "Above the ceiling: "
    found = f"{metric} is {number(value.value)} ({number(value.low)} to {number(value.high)})"
    text = f"{head}{found}, {side} the {'floor' if upward else 'ceiling'} of {bound:g}."
    return Reason(rule=f"floor:{metric}", passed=passed, text=text)


def gain(found: Gain | None, gate: Gate) -> Reason:
    """The challenger is better by enough and beyond chance; without a champion the floor alone decides."""
    if found is None:
        return Reason(rule="gain", passed=True, text="There is no champion to beat; the floor alone decides.")
    passed = found.value >= gate.minimum_gain and found.low > 0.0
    return Reason(rule="gain", passed=passed, text=_gain_text(found, gate))


def _gain_text(found: Gain, gate: Gate) -> str:
    numbers = f"the gain in {gate.metric} is {number(found.value)}, {_bounds(found.low, found.high, found.confidence)}"
    if found.high < 0.0:
        return f"Worse: {numbers}."
    if found.low <= 0.0:
        return (
            f"Inconclusive: {numbers}, which does not exclude a tie; on these rows a gain below about "
            f"{number((found.high - found.low) / 2.0)} cannot be told from chance."
        )
    if found.value < gate.minimum_gain:
        return f"Too small: {numbers}; it is real, but the policy asks for {gate.minimum_gain:g} at least."
    return f"Better: {numbers}; the policy asks for {gate.minimum_gain:g} at least."


def no_harm(metric: str, found: Gain | None, allowed: float) -> Reason:
    """A guard metric may lose `allowed` of its own units at most, by the point estimate."""
    rule = f"guard:{metric}"
    if found is None:
        return Reason(rule=rule, passed=True, text=f"There is no champion whose {metric} could be harmed.")
    passed = -found.value <= allowed
    change = "gains" if found.value >= 0.0 else "loses"
    bounds = _bounds(*((found.low, found.high) if found.value >= 0.0 else (-found.high, -found.low)), found.confidence)
    head = "" if passed else "Harm: "
    text = f"{head}{metric} {change} {number(abs(found.value))}, {bounds}; a loss of {allowed:g} is allowed."
    return Reason(rule=rule, passed=passed, text=text)


def not_judged(rule: str) -> Reason:
    """A rule that needs numbers where the rows give none."""
    return Reason(rule=rule, passed=False, text="Not judged: the rows that are left give no metric.")


def number(value: float) -> str:
    """Four significant digits, or whole numbers with separators where they are large."""
    return f"{value:.4g}" if abs(value) < 1000.0 else f"{value:,.0f}"


def _bounds(low: float, high: float, confidence: float) -> str:
    return f"between {number(low)} and {number(high)} (each bound at {confidence * 100:g} %)"
