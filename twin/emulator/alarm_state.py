"""What follows for an alarm from the values of its last periods: pure, so that every case can be shown."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

State = str
OK: State = "OK"
ALARM: State = "ALARM"
NO_DATA: State = "INSUFFICIENT_DATA"
COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True)
class Rule:
    """`needed` of the last `periods` values beyond the threshold make an alarm; `missing` is TreatMissingData."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str = "missing"

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


def judge(rule: Rule, values: Sequence[float | None], state: State) -> State:
    """The state that the values ask for, None being a period without data.

    As CloudWatch's tables on missing data have it, less that it also looks a little beyond the last periods.
    """
    known = [value for value in values if value is not None]
    breaching = sum(map(rule.breaches, known))
    absent = len(values) - len(known)
    match rule.missing:
        case "breaching":
            return ALARM if breaching + absent >= rule.needed else OK
        case "notBreaching":
            return ALARM if breaching >= rule.needed else OK
        case "ignore":
            return ALARM if breaching >= rule.needed else OK if breaching + absent < rule.needed else state
    if not known:
        return NO_DATA
    return ALARM if breaching >= min(rule.needed, len(known)) else OK


def reason(rule: Rule, values: Sequence[float | None], state: State) -> str:
    """A sentence of the kind that CloudWatch gives; `values` are the newest first."""
    known = [value for value in values if value is not None]
    if not known:
        treated = {
            "breaching": " and were treated as [Breaching]",
            "notBreaching": " and were treated as [NonBreaching]",
        }
        count = f"{rule.periods} period{'s' * (rule.periods != 1)}"
        return f"Threshold Crossed: no datapoints were received for {count}{treated.get(rule.missing, '')}."
    telling = [value for value in known if rule.breaches(value) == (state == ALARM)] or known
    was = "was" if len(telling) == 1 else "were"
    listed = ", ".join(f"{value:g}" for value in telling)
    compared = f"{'' if state == ALARM else 'not '}{COMPARISONS[rule.comparison][1]} the threshold ({rule.threshold:g})"
    return f"Threshold Crossed: {len(telling)} out of the last {rule.periods} datapoints [{listed}] {was} {compared}."
