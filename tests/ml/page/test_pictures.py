"""Pictures put what they show where it belongs and say it in words."""

from __future__ import annotations

import re

import pytest

from ml.core.record import Dependence, Effect, SliceGain
from ml.page import pictures
from ml.page.charts import Names, dependence
from ml.page.drawing import WIDTH, Picture, Scale
from ml.page.strips import Line, Row, strips
from ml.page.swarm import swarm
from tests.support.decisions import make_decision, make_first_release, make_gain, make_regression

NAMES = Names("challenger, version 2", "champion, version 1")


def placed(picture: Picture, kind: str, attribute: str) -> list[float]:
    return [float(mark.attributes[attribute]) for mark in picture.marks if mark.attributes.get("class") == kind]


def texts(picture: Picture) -> list[str]:
    return [mark.text for mark in picture.marks if mark.text]


def test_a_dot_lies_within_its_whisker_and_to_the_right_of_zero_where_it_is_better() -> None:
    primary, log_loss, brier = pictures.gains(make_decision())
    for picture, better in ((primary, True), (log_loss, True), (brier, False)):
        dot = placed(picture, "mark challenger", "cx")[0]
        low, high = placed(picture, "whisker challenger", "x1")[0], placed(picture, "whisker challenger", "x2")[0]
        assert low < dot < high
        assert (dot > placed(picture, "zero", "x1")[0]) is better


def test_a_gain_is_drawn_against_what_the_policy_asks_and_a_guard_against_what_it_allows() -> None:
    primary, guard = pictures.gains(make_regression())
    assert "asked 0.001" in texts(primary)
    assert "allowed \N{MINUS SIGN}500" in texts(guard)
    assert primary.description == (
        "The gain is +0.0018 (\N{MINUS SIGN}0.0021 to +0.0057), each bound at 95 %; asked 0.001."
    )


def test_where_not_being_worse_was_enough_the_margin_is_drawn() -> None:
    primary = pictures.gains(make_decision(gain=make_gain(0.0001, 0.002)))[0]
    assert "not worse \N{MINUS SIGN}0.003" in texts(primary)


def test_slices_that_were_tested_are_in_the_forest_and_differ_by_shape_and_word() -> None:
    harmed = SliceGain(feature="origin", level="LGA", rows=900, gain=make_gain(-0.05, 0.01), harmed=True)
    decision = make_decision()
    forest = pictures.slices(make_decision(slices=(*decision.slices, harmed)))
    assert forest is not None
    assert len(placed(forest, "mark challenger", "cx")) == 10
    assert len(placed(forest, "mark unsure", "cx")) == 1
    assert sum(mark.attributes.get("class") == "mark harmed" for mark in forest.marks) == 1
    assert {"harmed \N{MINUS SIGN}0.050", "not sure \N{MINUS SIGN}0.024"} <= set(texts(forest))
    assert "Harmed: 1 of 12 tested slices. The least gain is that of origin LGA" in forest.description


def test_both_models_are_held_against_the_calibration_that_the_policy_allows() -> None:
    error, coverage = pictures.calibration(make_decision()), pictures.calibration(make_regression())
    assert error is not None
    assert coverage is not None
    assert "allowed 0.05" in texts(error)
    assert {"least 87 %", "stated 90 %", "most 93 %"} <= set(texts(coverage))
    assert "challenger, version 7: 88.1 % (87.3 % to 88.9 %)" in coverage.description


def test_budgets_are_drawn_with_the_measures_of_both() -> None:
    latency, size = pictures.budgets(make_decision())
    assert "budget 2 ms" in texts(latency)
    assert "champion, version 11: 0.248 ms, p99 0.52 ms" in latency.description
    assert "budget 20 MB" in texts(size)


def test_a_first_release_has_no_pictures_of_what_it_lacks() -> None:
    decision = make_first_release()
    assert pictures.gains(decision) == ()
    assert pictures.slices(decision) is None
    assert pictures.differences(decision) is None
    assert pictures.explanation(decision) is None
    assert pictures.dependences(decision) == ()
    assert len(pictures.budgets(decision)) == 2


def test_a_number_s_dependence_is_a_curve_and_a_level_s_a_row_of_dots() -> None:
    curve = Dependence(feature="age", values=(18, 40, 90), outputs=(0.1, 0.3, 0.2), champion=(0.1, 0.2, 0.2))
    levels = Dependence(feature="carrier", values=("AA", "B6", None), outputs=(0.1, 0.3, 0.2))
    assert sum(mark.attributes.get("class") == "curve challenger" for mark in _drawn(curve).marks) == 2
    assert len(placed(_drawn(levels), "mark challenger", "cx")) == 4
    assert {"AA", "B6", "missing"} <= set(texts(_drawn(levels)))
    assert "champion, version 1" not in texts(_drawn(levels))


def test_levels_that_are_integers_have_no_order() -> None:
    regions = Dependence(feature="region", values=(3, 17), outputs=(0.1, 0.3), levels=True)
    assert {"3", "17"} <= set(texts(_drawn(regions)))
    assert not [mark for mark in _drawn(regions).marks if "curve" in str(mark.attributes.get("class"))]
    effect = Effect(feature="region", mean_absolute=0.1, share=1.0, points=((3, 0.1), (17, 0.3)), levels=True)
    drawn = swarm("swarm", [effect], axis="part", description="region is all, 100 %")
    dots = [mark for mark in drawn.marks if mark.tag == "path" and str(mark.attributes["d"]).count("M") == 2]
    assert [mark.attributes["class"] for mark in dots] == ["dots level"]


def test_a_feature_whose_values_are_withheld_says_so_and_has_one_shade() -> None:
    effect = Effect(feature="age", mean_absolute=0.1, share=1.0, points=((None, 0.1), (None, 0.3)), withheld=True)
    drawn = swarm("swarm", [effect], axis="part", description="age is all, 100 %")
    assert "age (values withheld)" in texts(drawn)
    dots = [mark for mark in drawn.marks if mark.tag == "path" and str(mark.attributes["d"]).count("M") == 2]
    assert [mark.attributes["class"] for mark in dots] == ["dots level"]


def _drawn(found: Dependence) -> Picture:
    return dependence("dependence", found, names=NAMES, description="from 0.1 to 0.3")


def test_a_swarm_has_a_dot_for_every_row_and_darker_ones_for_larger_values() -> None:
    effect = Effect(feature="age", mean_absolute=0.1, share=1.0, points=tuple((n, 0.01 * n) for n in range(100)))
    levels = Effect(feature="carrier", mean_absolute=0.0, share=0.0, points=(("AA", 0.0), ("AA", 0.0), (None, 0.0)))
    drawn = swarm("swarm", [effect, levels], axis="part", description="age is all, 100 %")
    dots = {str(mark.attributes["class"]): str(mark.attributes["d"]) for mark in drawn.marks if mark.tag == "path"}
    assert [dots[f"dots shade-{shade}"].count("M") for shade in range(5)] == [20] * 5
    assert dots["dots level"].count("M") == 3
    least, most = (float(re.findall(r"M([\d.]+)", dots[f"dots shade-{shade}"])[0]) for shade in (0, 4))
    assert least < most


@pytest.mark.parametrize("values", [(0.0, 1.0), (-3e-9, 2e-9), (1e6, 1.0002e6), (5.0, 5.0), (0.0, 0.0)])
def test_ticks_are_few_round_and_within_the_scale(values: tuple[float, float]) -> None:
    scale = Scale.around(values, 0.0, WIDTH)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 7
    assert all(scale.low <= tick <= scale.high for tick in ticks)


def test_names_of_lines_that_are_close_stand_below_each_other() -> None:
    picture = strips(
        "close",
        [Row("gain", "1", 1.0, 0.0, 2.0)],
        lines=(Line(0.0, "0", "zero"), Line(0.01, "asked 0.01")),
        title="Close",
        description="1",
    )
    zero, asked = (next(mark for mark in picture.marks if mark.text == text) for text in ("0", "asked 0.01"))
    assert float(asked.attributes["y"]) > float(zero.attributes["y"])
