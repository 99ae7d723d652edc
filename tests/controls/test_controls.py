"""Every rule of the policy refuses the challenger that it is for, alone and by name; a truly better one passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ml.core.frame import columns_of
from tests.controls.conftest import Scenes
from tests.controls.controls import CONTROLS, Control
from tests.controls.population import mirrored
from tests.controls.summary import CONTROL

Record = Callable[[str, object], None]


@pytest.mark.parametrize(
    "control",
    [pytest.param(each, id=each.id, marks=pytest.mark.xdist_group(f"controls-{each.problem}")) for each in CONTROLS],
)
def test_a_challenger_meets_the_rule_that_is_for_it_and_no_other(
    control: Control, scenes: Scenes, record_property: Record
) -> None:
    decision = control.decide(scenes(control.problem, 0))
    failed = tuple(reason.rule for reason in decision.reasons if not reason.passed)
    row = (CONTROLS.index(control), control.id, ", ".join(control.failed), decision.verdict, decision.reason)
    record_property(CONTROL, list(row))
    assert failed == control.failed, decision.reason
    assert decision.promoted == (not control.failed)
    assert control.says in decision.reason


@pytest.mark.xdist_group("controls-loans")
def test_every_rule_has_a_challenger_that_it_refuses_first(scenes: Scenes) -> None:
    """`unseen_rows` takes rows out and refuses nobody."""
    loans = scenes("loans", 0)
    rules = {reason.rule for reason in loans.judge(loans.better, loans.champion).reasons}
    refusing = {control.failed[0] for control in CONTROLS if control.failed}
    assert rules - refusing == {"unseen_rows"}


@pytest.mark.xdist_group("controls-loans")
def test_mirrored_rows_make_a_mirrored_model(scenes: Scenes) -> None:
    """So the champion and its mirror image are equally good in a population that has no preferred half year."""
    loans = scenes("loans", 0)
    there = loans.champion.predictor.many(columns_of(loans.problem, loans.holdout))
    here = loans.mirror.predictor.many(columns_of(loans.problem, mirrored(loans.holdout)))
    np.testing.assert_array_equal(here, there)
