"""What the rows say about one or two models: the numbers that the rules judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.core.binning import error_of_chance
from ml.core.bootstrap import Gain, Interval, resample
from ml.core.calibration import expected_error, interval_coverage
from ml.core.frame import TARGET
from ml.core.leakage import Leak, strongest_single_feature
from ml.core.metrics import CALIBRATION_ERROR
from ml.core.record import Calibrated, SliceGain, Validation
from ml.core.slice_gains import slice_gains
from ml.problem import Problem
from service.predictor import Vector

CHALLENGER, CHAMPION = "challenger", "champion"


@dataclass(frozen=True)
class Evidence:
    """Numbers by role, `challenger` and `champion`; without a champion there are no gains.

    `standard_error` is of the challenger's primary metric, `chance` the calibration error that a perfectly calibrated
    challenger would show, and `equal` says that both models give the same output on every row.
    """

    leak: Leak
    metrics: Mapping[str, Mapping[str, Interval]]
    standard_error: float
    gains: Mapping[str, Gain]
    equal: bool
    slices: tuple[SliceGain, ...]
    calibrated: Mapping[str, Calibrated | None]
    chance: float


def gather(
    problem: Problem,
    frame: pd.DataFrame,
    outputs: Mapping[str, Vector],
    validations: Mapping[str, Validation | None],
    *,
    resamples: int,
    seed: int,
) -> Evidence:
    """Score outputs of shape (rows,) by role. Raises ValueError where the target has one value only."""
    y = frame[TARGET].to_numpy(dtype=np.float64)
    gate, binary = problem.gate, problem.task == "binary"
    names = (*problem.metrics, CALIBRATION_ERROR) if binary else problem.metrics
    resampled = resample(y, outputs, names, resamples=resamples, seed=seed)
    gains = {}
    if CHAMPION in outputs:
        gains = {name: resampled.gain(CHAMPION, CHALLENGER, name, gate.confidence) for name in problem.metrics}

    def calibrated(role: str, output: Vector) -> Calibrated | None:
        if binary:
            return expected_error(y, output, resampled.values[role][CALIBRATION_ERROR], confidence=gate.confidence)
        return interval_coverage(y, output, validations[role], confidence=gate.confidence)

    return Evidence(
        leak=strongest_single_feature(frame, y, problem),
        metrics={
            role: {name: resampled.interval(role, name, gate.confidence) for name in problem.metrics}
            for role in outputs
        },
        standard_error=resampled.standard_error(CHALLENGER, gate.metric),
        gains=gains,
        equal=CHAMPION in outputs and np.array_equal(outputs[CHAMPION], outputs[CHALLENGER]),
        slices=slice_gains(problem, frame, y, outputs, resamples=resamples, seed=seed),
        calibrated={role: calibrated(role, output) for role, output in outputs.items()},
        chance=error_of_chance(outputs[CHALLENGER]) if binary else 0.0,
    )
