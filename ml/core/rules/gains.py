"""Whether the challenger is good enough, and better than what it would replace."""

from __future__ import annotations

from ml.core.bootstrap import Gain, Interval
from ml.core.metrics import greater_is_better
from ml.core.record import Reason
from ml.core.rules.words import bounds, number
from ml.gate import Gate


def floor(metric: str, value: Interval, bound: float) -> Reason:
    """An absolute bound on a metric: a least value, or a largest one where smaller is better."""
    upward = greater_is_better(metric)
    passed = value.value >= bound if upward else value.value <= bound
    side = ("at or above" if upward else "at or below") if passed else ("below" if upward else "above")
    head = "" if passed else "Below the floor: " if upward else "Above the ceiling: "
    found = f"{metric} is {number(value.value)} ({number(value.low)} to {number(value.high)})"
    text = f"{head}{found}, {side} the {'floor' if upward else 'ceiling'} of {bound:g}."
    return Reason(rule=f"floor:{metric}", passed=passed, text=text)


def gain(found: Gain | None, gate: Gate, *, lenient: str = "", equal: bool = False) -> Reason:
    """The challenger is better by enough and beyond chance; without a champion the floors alone decide.

    `lenient` says why not worse is enough (an old champion, the same inputs), and is empty where it is not. `equal`:
    both models give the same outputs.
    """
    if found is None:
        return Reason(rule="gain", passed=True, text="Compared with no champion: the floors alone decide.")
    if found.value >= gate.minimum_gain and found.low > 0.0:
        text = f"Better: {_numbers(found, gate)}; the policy asks for {gate.minimum_gain:g} at least."
        return Reason(rule="gain", passed=True, text=text)
    if lenient and gate.margin is not None:
        return _not_worse(found, gate, gate.margin, lenient)
    return Reason(rule="gain", passed=False, text=_shortfall(found, gate, equal=equal))


def no_harm(metric: str, found: Gain | None, allowed: float) -> Reason:
    """A guard metric may lose `allowed` of its own units at most, by the point estimate."""
    rule = f"guard:{metric}"
    if found is None:
        return Reason(rule=rule, passed=True, text=f"Compared with no champion, whose {metric} could be harmed.")
    passed = -found.value <= allowed
    change = "gains" if found.value >= 0.0 else "loses"
    between = bounds(*((found.low, found.high) if found.value >= 0.0 else (-found.high, -found.low)), found.confidence)
    head = "" if passed else "Harm: "
    text = (
        f"{head}{metric} {change} {number(abs(found.value))}, {between}; a loss of {allowed:g} is allowed, by the "
        "point estimate."
    )
    return Reason(rule=rule, passed=passed, text=text)


def _not_worse(found: Gain, gate: Gate, margin: float, lenient: str) -> Reason:
    passed = found.low > -margin
    head = "Not worse" if passed else "Worse" if found.high < 0.0 else "Inconclusive, it may be worse"
    asked = f"{lenient}, so the policy asks only that the lower bound is above -{margin:g}"
    return Reason(rule="gain", passed=passed, text=f"{head}: {_numbers(found, gate)}; {asked}.")


def _shortfall(found: Gain, gate: Gate, *, equal: bool) -> str:
    if equal:
        return f"Equal outputs: both models give the same output on every row, so there is no gain in {gate.metric}."
    numbers = _numbers(found, gate)
    if found.high < 0.0:
        return f"Worse: {numbers}."
    if found.low <= 0.0:
        return (
            f"Inconclusive: {numbers}, which excludes neither a gain nor a loss; these rows show a difference of "
            f"{number(found.detectable)} or more in four of five cases, and smaller ones less often."
        )
    return f"Too small: {numbers}; it is real, but the policy asks for {gate.minimum_gain:g} at least."


def _numbers(found: Gain, gate: Gate) -> str:
    return f"the gain in {gate.metric} is {number(found.value)}, {bounds(found.low, found.high, found.confidence)}"
