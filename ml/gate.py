"""The release policy of a problem: what a challenger must show before a person is asked about it."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from service.schema import Frozen, Task

METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier"),
    "regression": ("r2", "rmse", "mae"),
}

RANGES: dict[str, tuple[float, float]] = {
    "roc_auc": (0.0, 1.0),
    "average_precision": (0.0, 1.0),
    "brier": (0.0, 1.0),
    "r2": (-math.inf, 1.0),
    "log_loss": (0.0, math.inf),
    "rmse": (0.0, math.inf),
    "mae": (0.0, math.inf),
}
"""The least and the largest value that a metric can have."""


class SlicePolicy(Frozen):
    """What a challenger may lose in the primary metric on any slice of at least `minimum_rows`.

    Slices are many, so chance alone would harm one of them: a slice counts as harmed where the loss is larger than
    `maximum_harm` at the gate's confidence after the Benjamini-Hochberg correction.
    """

    minimum_rows: int = Field(default=200, ge=50)
    maximum_harm: float = Field(ge=0.0)


class Calibration(Frozen):
    """How far a model may be from meaning what it says.

    Binary: `maximum_error` bounds the expected calibration error. Regression: of the intervals that the bundle states
    at `coverage`, the share that holds the target may differ from it by `tolerance`.
    """

    maximum_error: float | None = Field(default=None, gt=0.0, lt=1.0)
    coverage: float | None = Field(default=None, ge=0.5, lt=1.0)
    tolerance: float | None = Field(default=None, gt=0.0, lt=0.5)

    def check(self, task: Task) -> None:
        """Raise ValueError unless exactly the task's own bounds are given."""
        if task == "binary" and (self.maximum_error is None or self.coverage is not None or self.tolerance is not None):
            raise ValueError("gate.calibration: a binary problem takes maximum_error, and only that")
        if task == "regression" and (self.maximum_error is not None or self.coverage is None or self.tolerance is None):
            raise ValueError("gate.calibration: a regression takes coverage and tolerance, and only those")


class Budget(Frozen):
    """What a bundle may cost: median CPU milliseconds of one row through the serving predictor, and megabytes."""

    latency_ms: PositiveFloat
    size_mb: PositiveFloat


class Freshness(Frozen):
    """A champion that was trained more than `days` ago may be replaced by a challenger that is not worse."""

    days: int = Field(ge=1)


class Gate(Frozen):
    """Gains and harms are in the metric's own units, better being positive.

    A challenger passes when its gain in `metric` is at least `minimum_gain` and the lower bound of that gain at
    `confidence` is above zero, when no guard loses more than it may, and when every floor (a ceiling where smaller is
    better), slice, calibration and budget holds. `not worse` means: the lower bound of the gain is above -`margin`.
    A single feature that alone reaches `leak` is taken for a copy of the target. `maximum_gap` is the largest loss in
    `metric` from rows set aside within training to the holdout that is not taken for wrong labels.
    `no_champion` says what decides a first release, `same_inputs` what a challenger of the champion's own data and
    parameters must show.
    """

    metric: str
    minimum_gain: float = Field(ge=0.0)
    confidence: float = Field(default=0.95, ge=0.5, lt=1.0)
    minimum_rows: int = Field(default=200, ge=2)
    floors: dict[str, float] = Field(min_length=1)
    guards: dict[str, float] = {}
    slices: SlicePolicy | None = None
    calibration: Calibration | None = None
    budget: Budget | None = None
    freshness: Freshness | None = None
    margin: float | None = Field(default=None, gt=0.0)
    leak: float = Field(default=0.97, gt=0.5, le=1.0)
    maximum_gap: float = Field(gt=0.0)
    no_champion: Literal["floors", "refuse"]
    same_inputs: Literal["refuse", "not_worse"]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.metric not in self.floors:
            raise ValueError(f"floors: the primary metric, {self.metric!r}, needs one")
        if self.metric in self.guards:
            raise ValueError(f"guards: {self.metric!r} is the primary metric, which must gain")
        if negative := [name for name, harm in self.guards.items() if harm < 0.0]:
            raise ValueError(f"guards: {negative[0]!r} may be harmed by {self.guards[negative[0]]:g}; give 0 or more")
        if self.margin is None and (self.freshness is not None or self.same_inputs == "not_worse"):
            raise ValueError("margin: freshness and same_inputs: not_worse need it, to say what `not worse` is")
        return self

    def check(self, task: Task, slices: Collection[object]) -> None:
        """Raise ValueError unless the policy fits a problem of the task with those slices."""
        allowed = ", ".join(METRICS[task])
        for metric in (self.metric, *self.floors, *self.guards):
            if metric not in METRICS[task]:
                raise ValueError(f"gate: {metric!r} is not a metric of a {task} problem; one of {allowed}")
        self._check_reach()
        if self.slices is not None and not slices:
            raise ValueError("gate.slices: the problem names no slices to hold it against")
        if self.calibration is not None:
            self.calibration.check(task)

    def _check_reach(self) -> None:
        """A bound that no model can reach refuses all of them; one of 65 was meant as a percentage."""
        for metric, bound in self.floors.items():
            low, high = RANGES[metric]
            if not low <= bound <= high:
                raise ValueError(
                    f"gate.floors: {metric} lies between {low:g} and {high:g}; {bound:g} is not a value of it"
                )
        low, high = RANGES[self.metric]
        if self.minimum_gain >= high - low:
            raise ValueError(f"gate.minimum_gain: no model gains {self.minimum_gain:g} in {self.metric}")
