"""What the policy is for: one challenger a rule that only that rule may refuse, and those that must pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.core.frame import KEY, TARGET
from ml.core.record import Decision
from tests.controls.scene import Scene, leaking, mislabelled

NUMBERS = ("labels", "leak", "floor:roc_auc", "gain", "guard:log_loss", "slices", "calibration")
"""Rules that have nothing to judge where the target has one value."""


@dataclass(frozen=True)
class Control:
    """`failed`: exactly the rules that must refuse, in order; none where the challenger must be accepted. `says` is
    part of the sentence that gives the reason."""

    problem: str
    name: str
    failed: tuple[str, ...]
    says: str
    decide: Callable[[Scene], Decision]

    @property
    def id(self) -> str:
        return f"{self.problem}: {self.name}"


def _loans(name: str, failed: tuple[str, ...], says: str, decide: Callable[[Scene], Decision]) -> Control:
    return Control("loans", name, failed, says, decide)


def _rents(name: str, failed: tuple[str, ...], says: str, decide: Callable[[Scene], Decision]) -> Control:
    return Control("rents", name, failed, says, decide)


def _few_rows(scene: Scene) -> Decision:
    return scene.judge(scene.better, scene.champion, scene.holdout.head(900))


def _trained_on_the_holdout(scene: Scene) -> Decision:
    seen = scene.holdout[KEY].to_numpy()[:3_200]
    return scene.judge(scene.better, scene.champion, trained_on=np.concatenate([scene.better.trained_on, seen]))


def _one_class(scene: Scene) -> Decision:
    return scene.judge(scene.better, scene.champion, scene.holdout[scene.holdout[TARGET] == 1.0])


CONTROLS = (
    _loans("truly better", (), "Better: ", lambda s: s.judge(s.better, s.champion)),
    _loans("worse", ("gain",), "Worse: ", lambda s: s.judge(s.few, s.better)),
    _loans(
        "better, and by too little",
        ("gain",),
        "Too small: ",
        lambda s: s.judge(s.better, s.champion, policy={"minimum_gain": 0.1}),
    ),
    _loans("tied: same code, later rows", ("gain",), "Inconclusive: ", lambda s: s.judge(s.retrained, s.champion)),
    _loans("tied: its mirror image", ("gain",), "Inconclusive: ", lambda s: s.judge(s.mirror, s.champion)),
    _loans("harms the south", ("slices",), "region south loses", lambda s: s.judge(s.without_south, s.champion)),
    _loans("uncalibrated: shifted", ("calibration",), "Uncalibrated: ", lambda s: s.judge(s.shifted, s.champion)),
    _loans(
        "uncalibrated: oversampled", ("calibration",), "Uncalibrated: ", lambda s: s.judge(s.oversampled, s.champion)
    ),
    _loans("slow", ("latency",), "Slow: ", lambda s: s.judge(s.slow, s.champion)),
    _loans("large", ("size",), "Large: ", lambda s: s.judge(s.heavy, s.champion)),
    _loans("leaky", ("leak",), "Leaky data: income", lambda s: s.judge(s.leaky, s.champion, leaking(s.holdout))),
    _loans("skewed preprocessing", ("parity",), "Not served as trained: ", lambda s: s.judge(s.skewed, s.champion)),
    _loans("skewed, with a tolerance of its own", ("parity",), "Skewed: ", lambda s: s.judge(s.lenient, s.champion)),
    _loans("not proved over HTTP", ("parity",), "Not proved", lambda s: s.judge(s.better, s.champion, proved=False)),
    _loans(
        "mislabelled holdout",
        ("labels",),
        "in doubt",
        lambda s: s.judge(s.better, s.champion, mislabelled(s.holdout, 0.15)),
    ),
    _loans("certain of what is wrong", ("guard:log_loss",), "Harm: ", lambda s: s.judge(s.certain, s.champion)),
    _loans("below the floor", ("floor:roc_auc",), "Below the floor: ", lambda s: s.judge(s.nearly_blind, s.blind)),
    _loans("few rows", ("minimum_rows",), "Too few rows: ", _few_rows),
    _loans("trained on the holdout", ("minimum_rows",), "Too few rows: ", _trained_on_the_holdout),
    _loans("holdout of one class", ("target", *NUMBERS), "one value only", _one_class),
    _loans(
        "the champion itself",
        ("same_bundle", "same_inputs", "gain"),
        "Same bundle: ",
        lambda s: s.judge(s.champion, s.champion),
    ),
    _loans("same data and parameters", ("same_inputs",), "Same data", lambda s: s.judge(s.mended, s.champion)),
    _loans(
        "rolled back before",
        ("rolled_back",),
        "Rolled back: ",
        lambda s: s.judge(s.better, s.champion, rolled_back="by ada: complaints"),
    ),
    _loans(
        "rolled back, and a person asks again",
        (),
        "Better: ",
        lambda s: s.judge(s.better, s.champion, rolled_back="by ada: complaints", again=True),
    ),
    _loans("made-up rows", ("synthetic",), "Synthetic: ", lambda s: s.judge(s.better, s.champion, synthetic=True)),
    _loans("not measured", ("latency", "size"), "Not measured: ", lambda s: s.judge(s.better, s.champion, cost=None)),
    _loans("first, where the policy refuses", ("first_release",), "No champion: ", lambda s: s.judge(s.better, None)),
    _loans(
        "first, where floors decide",
        (),
        "above the floor",
        lambda s: s.judge(s.better, None, policy={"no_champion": "floors"}),
    ),
    _loans("as good as a stale champion", (), "Not worse: ", lambda s: s.judge(s.retrained, s.champion, stale=True)),
    _loans("worse than a stale champion", ("gain",), "Worse: ", lambda s: s.judge(s.champion, s.better, stale=True)),
    _rents("truly better", (), "Better: ", lambda s: s.judge(s.better, s.champion)),
    _rents("worse", ("gain",), "Worse: ", lambda s: s.judge(s.few, s.better)),
    _rents("tied: its mirror image", ("gain",), "Inconclusive: ", lambda s: s.judge(s.mirror, s.champion)),
    _rents("harms the south", ("slices",), "region south loses", lambda s: s.judge(s.confused_south, s.champion)),
    _rents("intervals too narrow", ("calibration",), "Uncalibrated: ", lambda s: s.judge(s.narrow, s.champion)),
    _rents(
        "mislabelled holdout",
        ("labels",),
        "in doubt",
        lambda s: s.judge(s.better, s.champion, mislabelled(s.holdout, 0.08)),
    ),
    _rents("as good as a stale champion", (), "Not worse: ", lambda s: s.judge(s.retrained, s.champion, stale=True)),
)
