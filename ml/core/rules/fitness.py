"""Whether no group of rows pays for the gain, whether the model means what it says, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from ml.core.record import Calibrated, Cost, Reason, SliceGain, Validation
from ml.core.rules.words import number, percent
from ml.gate import Calibration, Gate

_NAMED = 3


def slices(found: Sequence[SliceGain], gate: Gate, *, champion: bool) -> Reason:
    """No slice may lose more than `maximum_harm` beyond chance, all slices tested together."""
    policy = gate.slices
    if policy is None:
        return Reason(rule="slices", passed=True, text="The policy bounds the harm of no slice.")
    if not champion:
        return Reason(rule="slices", passed=True, text="Compared with no champion, from which a slice could lose.")
    tested = [each for each in found if each.p_value is not None]
    small = len(found) - len(tested)
    left_out = f"; {small} of too few rows or of one target value could not be tested" if small else ""
    allowed = f"more than {policy.maximum_harm:g} of {gate.metric} at {percent(gate.confidence)}, Benjamini-Hochberg"
    if not (harmed := [each for each in tested if each.harmed]):
        text = f"None of {len(tested)} slices loses {allowed}{left_out}."
        return Reason(rule="slices", passed=True, text=text)
    named = ", ".join(map(_named, harmed[:_NAMED])) + (
        f" and {more} more" if (more := len(harmed) - _NAMED) > 0 else ""
    )
    text = f"Harmed slices: {len(harmed)} of {len(tested)} lose {allowed}: {named}{left_out}."
    return Reason(rule="slices", passed=False, text=text)


def _named(harmed: SliceGain) -> str:
    lost = -harmed.gain.value if harmed.gain else 0.0
    return f"{harmed.feature} {harmed.level} loses {number(lost)} on {harmed.rows:,} rows"


def calibration(found: Calibrated | None, stated: Validation | None, gate: Gate, *, chance: float = 0.0) -> Reason:
    """Judged by the point estimate. `chance` is the error that a perfectly calibrated model would show here."""
    policy = gate.calibration
    if policy is None:
        return Reason(rule="calibration", passed=True, text="The policy does not bound the calibration.")
    if policy.maximum_error is not None and found is not None:
        return _error(found, policy.maximum_error, chance)
    assert policy.coverage is not None or policy.maximum_error is not None
    if found is None or stated is None or stated.coverage is None:
        text = "Uncalibrated: the challenger's bundle states no interval for its values; train it again."
        return Reason(rule="calibration", passed=False, text=text)
    return _coverage(found, stated.coverage, policy)


def _error(found: Calibrated, allowed: float, chance: float) -> Reason:
    passed = found.value <= allowed
    error = f"{number(found.value)} ({number(found.low)} to {number(found.high)})"
    text = (
        f"{'' if passed else 'Uncalibrated: '}the expected calibration error is {error}, of which chance alone would "
        f"make about {number(chance)} on these rows; {allowed:g} is allowed, by the point estimate."
    )
    return Reason(rule="calibration", passed=passed, text=_capital(text))


def _coverage(found: Calibrated, nominal: float, policy: Calibration) -> Reason:
    assert policy.coverage is not None and policy.tolerance is not None
    if nominal != policy.coverage:
        text = (
            f"Uncalibrated: the challenger's bundle states an interval of {percent(nominal)}, and the policy asks for "
            f"{percent(policy.coverage)}; train it again."
        )
        return Reason(rule="calibration", passed=False, text=text)
    passed = abs(found.value - nominal) <= policy.tolerance
    share = f"{found.value * 100:.1f} % ({found.low * 100:.1f} % to {found.high * 100:.1f} %)"
    text = (
        f"{'' if passed else 'Uncalibrated: '}the stated interval of {percent(nominal)} holds {share} of the actual "
        f"values; {percent(policy.tolerance)} away is allowed, by the point estimate."
    )
    return Reason(rule="calibration", passed=passed, text=_capital(text))


def latency(cost: Cost | None, gate: Gate) -> Reason:
    allowed = gate.budget.latency_ms if gate.budget else None
    return _within("latency", "Slow", "one row takes", cost.latency_ms if cost else None, allowed, "ms of CPU time")


def size(cost: Cost | None, gate: Gate) -> Reason:
    allowed = gate.budget.size_mb if gate.budget else None
    return _within("size", "Large", "the bundle's files take", cost.size_mb if cost else None, allowed, "MB")


def _within(rule: str, head: str, what: str, found: float | None, allowed: float | None, unit: str) -> Reason:
    if allowed is None:
        said = "" if found is None else f"; {what} {number(found)} {unit}"
        return Reason(rule=rule, passed=True, text=f"The policy has no budget for the {rule}{said}.")
    if found is None:
        return Reason(rule=rule, passed=False, text=f"Not measured: the challenger's {rule} is not known.")
    passed = found <= allowed
    text = f"{'' if passed else f'{head}: '}{what} {number(found)} {unit}; the budget is {allowed:g}."
    return Reason(rule=rule, passed=passed, text=_capital(text))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
