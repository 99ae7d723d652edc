"""The primary metric slice by slice for both models, and which slices lose more than the policy allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm

from ml.core.bootstrap import Gain, resample
from ml.core.evaluation import SMALLEST_SLICE
from ml.core.metrics import point_value
from ml.core.record import SliceGain
from ml.core.slices import parts, unjudgeable
from ml.problem import Problem
from service.predictor import Vector


def slice_gains(
    problem: Problem, frame: pd.DataFrame, y: Vector, outputs: Mapping[str, Vector], *, resamples: int, seed: int
) -> tuple[SliceGain, ...]:
    """Every slice of the problem, tested where there is a champion and a policy for slices.

    `outputs` has the shape (rows,) arrays of `challenger` and, where there is one, `champion`. Rows of a slice are
    resampled within it, paired. The p-values of all tested slices are corrected together for the false discovery rate
    (Benjamini & Hochberg 1995); a slice is harmed where the corrected one is at most 1 - confidence.
    """
    found = tuple(_slices(problem, frame, y, outputs, resamples=resamples, seed=seed))
    return corrected(found, confidence=problem.gate.confidence)


def harm_p_value(gain: Gain, allowed: float) -> float:
    """One-sided p-value of `the harm is at most allowed`, by the normal approximation with the bootstrap's standard
    error (Efron & Tibshirani 1993, ch. 16). Without spread the harm is what it is."""
    excess = -gain.value - allowed
    if gain.standard_error == 0.0:
        return 0.0 if excess > 0.0 else 1.0
    return float(norm.sf(excess / gain.standard_error))


def corrected(found: tuple[SliceGain, ...], *, confidence: float) -> tuple[SliceGain, ...]:
    """The slices with their p-values corrected together, and whether each is harmed at the confidence."""
    tested = [index for index, each in enumerate(found) if each.p_value is not None]
    if not tested:
        return found
    adjusted = false_discovery_control(np.array([found[index].p_value for index in tested], dtype=np.float64))
    values = dict(zip(tested, map(float, adjusted), strict=True))
    return tuple(
        each.model_copy(update={"adjusted": values[index], "harmed": values[index] <= 1.0 - confidence})
        if index in values
        else each
        for index, each in enumerate(found)
    )


def _slices(
    problem: Problem, frame: pd.DataFrame, y: Vector, outputs: Mapping[str, Vector], *, resamples: int, seed: int
) -> Iterator[SliceGain]:
    least = problem.gate.slices.minimum_rows if problem.gate.slices else SMALLEST_SLICE
    for feature, level, mask in parts(problem, frame):
        named = SliceGain(feature=feature, level=level, rows=int(mask.sum()))
        if reason := unjudgeable(y[mask], least):
            yield named.model_copy(update={"reason": reason})
            continue
        inside = {role: output[mask] for role, output in outputs.items()}
        yield named.model_copy(update=_found(problem, y[mask], inside, resamples=resamples, seed=seed))


def _found(
    problem: Problem, y: Vector, outputs: Mapping[str, Vector], *, resamples: int, seed: int
) -> dict[str, object]:
    gate = problem.gate
    if "champion" not in outputs:
        return {role: point_value(gate.metric, y, output) for role, output in outputs.items()}
    resampled = resample(y, outputs, [gate.metric], resamples=resamples, seed=seed)
    values: dict[str, object] = {role: points[gate.metric] for role, points in resampled.points.items()}
    gain = resampled.gain("champion", "challenger", gate.metric, gate.confidence)
    tested = {"p_value": harm_p_value(gain, gate.slices.maximum_harm)} if gate.slices else {}
    return values | {"gain": gain} | tested
