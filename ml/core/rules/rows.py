"""Whether the rows can judge: unseen by both models, enough, rightly labelled, and not giving the target away."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from ml.core.leakage import Leak
from ml.core.metrics import greater_is_better
from ml.core.record import Reason, Rows, Validation
from ml.core.rules.words import number, percent
from ml.gate import Gate


def unseen_rows(rows: Rows) -> Reason:
    """Rows that a model was trained on are never judged on; that some were taken out is told, not punished."""
    models = "either model" if rows.trained_by_champion is not None else "the challenger"
    text = f"None of the {rows.holdout:,} holdout rows was used to train {models}."
    if rows.removed:
        each = f"the challenger on {rows.trained_by_challenger:,}"
        if rows.trained_by_champion is not None:
            each += f", the champion on {rows.trained_by_champion:,}"
        text = (
            f"{rows.removed:,} of {rows.holdout:,} holdout rows were taken out because a model was trained on them: "
            f"{each}."
        )
    return Reason(rule="unseen_rows", passed=True, text=text)


def minimum_rows(rows: Rows, gate: Gate) -> Reason:
    passed = rows.used >= gate.minimum_rows
    text = f"{rows.used:,} rows judge the models; the policy asks for {gate.minimum_rows:,} at least."
    if not passed:
        taken = f" after {rows.removed:,} that a model was trained on were taken out" if rows.removed else ""
        text = f"Too few rows: {rows.used:,} are left{taken}, and the policy asks for {gate.minimum_rows:,} at least."
    return Reason(rule="minimum_rows", passed=passed, text=text)


def varied_target(varied: bool) -> Reason:
    text = "The target varies on the rows." if varied else "The target has one value only on the rows that are left."
    return Reason(rule="target", passed=varied, text=text)


def labels(validation: Validation | None, holdout: float, standard_error: float, gate: Gate) -> Reason:
    """The challenger's metric must not fall from rows set aside within training to the holdout by more than chance and
    `gate.maximum_gap` allow: `holdout` and its standard error are the challenger's primary metric there.

    Both values are of other rows, so their errors add up as for independent samples (normal approximation).
    """
    if validation is None or validation.metric != gate.metric:
        text = f"The bundle does not say which {gate.metric} its own validation gave, so labels could not be judged."
        return Reason(rule="labels", passed=True, text=text)
    sign = 1.0 if greater_is_better(gate.metric) else -1.0
    loss = sign * (validation.value - holdout)
    least = loss - float(norm.ppf(gate.confidence)) * float(np.hypot(validation.standard_error, standard_error))
    seen = f"{gate.metric} was {number(validation.value)} within training and is {number(holdout)} on the holdout"
    if least > gate.maximum_gap:
        text = (
            f"The holdout disagrees with the training rows; its labels or rows are in doubt: {seen}, a loss of at "
            f"least {number(least)} at {percent(gate.confidence)}, where {gate.maximum_gap:g} is allowed."
        )
        return Reason(rule="labels", passed=False, text=text)
    text = f"The holdout agrees with the training rows: {seen}; a loss of {gate.maximum_gap:g} is allowed."
    return Reason(rule="labels", passed=True, text=text)


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


def not_judged(rule: str) -> Reason:
    """A rule that needs numbers where the rows give none."""
    return Reason(rule=rule, passed=False, text="Not judged: the rows that are left give no metric.")
