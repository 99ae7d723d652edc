"""How often the whole gate lets a challenger pass, on holdouts that are drawn anew from the population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.core.frame import TARGET, columns_of
from ml.core.metrics import greater_is_better, point_value
from tests.controls.population import draw
from tests.controls.scene import Scene
from tests.controls.versions import Version

ROWS = 1_200
RESAMPLES = 300
POPULATION = 100_000
"""Rows on which the true gain is measured."""


@dataclass(frozen=True)
class Kind:
    """A pair of versions. `better`: the challenger truly is, so its share is the gate's power; else it is its error."""

    problem: str
    name: str
    repetitions: int
    challenger: Callable[[Scene], Version]
    champion: Callable[[Scene], Version]
    better: bool = False

    @property
    def id(self) -> str:
        return f"{self.problem}: {self.name}"


@dataclass(frozen=True)
class Rate:
    """Of so many repetitions, those that the gate accepted, and those whose gain had a lower bound above zero."""

    true_gain: float
    repetitions: int
    passed: int
    above_zero: int
    allowed: float


KINDS = tuple(
    kind
    for problem in ("loans", "rents")
    for kind in (
        Kind(problem, "equally good: the champion's mirror image", 200, lambda s: s.mirror, lambda s: s.champion),
        Kind(problem, "a little worse: from two thirds of the rows", 200, lambda s: s.fewer, lambda s: s.mended),
        Kind(problem, "better: from three times the rows", 50, lambda s: s.mended, lambda s: s.few, better=True),
    )
)


def measure(kind: Kind, scenes: Sequence[Scene]) -> Rate:
    """Judge as many times, in turn with the versions of each scene, whose training rows differ."""
    passed = above_zero = 0
    for repetition in range(kind.repetitions):
        scene = scenes[repetition % len(scenes)]
        holdout = draw(scene.problem, ROWS, 3, repetition)
        decision = scene.judge(kind.challenger(scene), kind.champion(scene), holdout, resamples=RESAMPLES)
        assert decision.gain is not None
        passed += decision.promoted
        above_zero += decision.gain.low > 0.0
    gains = [true_gain(scene, kind.challenger(scene), kind.champion(scene)) for scene in scenes]
    allowed = 1.0 - scenes[0].problem.gate.confidence
    return Rate(sum(gains) / len(gains), kind.repetitions, passed, above_zero, allowed)


def true_gain(scene: Scene, challenger: Version, champion: Version) -> float:
    """The gain in the primary metric on very many rows."""
    metric = scene.problem.gate.metric
    rows = draw(scene.problem, POPULATION, 4)
    found = [
        point_value(metric, rows[TARGET].to_numpy(), model.predictor.many(columns_of(scene.problem, rows)))
        for model in (challenger, champion)
    ]
    return (found[0] - found[1]) * (1.0 if greater_is_better(metric) else -1.0)
