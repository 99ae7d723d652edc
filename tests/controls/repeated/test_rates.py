"""Luck passes at most as often as the stated confidence allows, through the whole gate; the truly better mostly do."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tests.controls.conftest import Scenes
from tests.controls.rates import KINDS, Kind, measure
from tests.controls.summary import RATE
from tests.controls.test_controls import Record

SEEDS = (0, 1)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(each, id=each.id, marks=pytest.mark.xdist_group(f"rates-{each.problem}")) for each in KINDS],
)
def test_a_challenger_passes_as_often_as_its_quality_deserves(
    kind: Kind, scenes: Scenes, record_property: Record
) -> None:
    rate = measure(kind, [scenes(kind.problem, seed) for seed in SEEDS])
    row = (KINDS.index(kind), kind.id, rate.true_gain, rate.repetitions, rate.passed, rate.above_zero)
    record_property(RATE, [*row, None if kind.better else rate.allowed])
    if kind.better:
        assert rate.true_gain > 0.0
        assert rate.passed >= rate.repetitions / 2
        return
    assert rate.passed <= rate.allowed * rate.repetitions
    # The bound alone lets the stated share of equals pass, so so many repetitions scatter around it.
    assert rate.above_zero <= binom.ppf(0.999, rate.repetitions, rate.allowed)
