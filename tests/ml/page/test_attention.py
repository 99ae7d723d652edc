"""What a reviewer is told to look at follows from the record's numbers."""

from __future__ import annotations

from ml.core.record import Decision, Judged, SliceGain
from ml.page.attention import points
from tests.support.decisions import make_decision, make_first_release, make_gain, make_lineage, make_regression


def said(decision: Decision, weight: str = "look") -> str:
    return "\n".join(point.text for point in points(decision) if point.weight == weight)


def challenger(**parts: dict[str, object]) -> Judged:
    """The flights' challenger with some values of its parts replaced."""
    found = make_decision().challenger
    changed = {name: getattr(found, name).model_copy(update=values) for name, values in parts.items()}
    return found.model_copy(update=changed)


def quiet() -> Decision:
    """A promotion in which nothing stands out."""
    decision = make_decision()
    return make_decision(slices=tuple(each for each in decision.slices if each.level != "US"))


def test_nothing_deserves_a_look_where_nothing_stands_out() -> None:
    assert said(quiet()) == ""
    assert said(quiet(), "stop") == ""


def test_what_stops_a_release_comes_first() -> None:
    weights = [point.weight for point in points(make_regression())]
    assert weights == sorted(weights, key=["stop", "look", "know"].index)
    assert weights.count("stop") == 2
    assert [point.where for point in points(make_regression())][:2] == ["gain", "slices"]
    assert "Slices failed. Harmed: ocean_proximity INLAND loses 0.0712" in said(make_regression(), "stop")


def test_a_slice_beyond_the_harm_by_estimate_is_named_though_chance_could_do_that() -> None:
    assert "Beyond the allowed harm of 0.02 by estimate, though not beyond chance: carrier US." in said(make_decision())


def test_a_champion_that_was_left_out_deserves_a_look() -> None:
    decision = make_first_release()
    assert "champion" not in said(decision)
    left_out = decision.model_copy(update={"left_out": "4"})
    assert "The champion, version 4, was left out: the floors decide, not a gain over it." in said(left_out)
    assert "There is no champion to compare with" not in said(left_out, "know")


def test_many_slices_are_named_in_part() -> None:
    slices = tuple(
        SliceGain(
            feature="carrier", level=str(each), rows=400, challenger=0.7, champion=0.73, gain=make_gain(-0.03, 0.02)
        )
        for each in range(8)
    )
    assert "carrier 4 and 3 more." in said(make_decision(slices=slices))


def test_a_slice_that_was_not_tested_is_good_to_know() -> None:
    assert "Not tested: 2 of 13 slices (carrier HA, carrier OO)." in said(make_decision(), "know")


def test_a_gain_that_is_not_beyond_chance_deserves_a_look_where_it_was_promoted() -> None:
    inconclusive = make_gain(0.002, 0.004)
    assert "The gain is not beyond chance: +0.0020 (\N{MINUS SIGN}0.0020 to +0.0060)." in said(
        make_decision(gain=inconclusive)
    )
    assert "The gain is not beyond chance" not in said(make_decision(gain=inconclusive, verdict="reject"))


def test_a_guard_that_may_be_harmed_within_its_interval_deserves_a_look() -> None:
    found = said(make_decision(guards={"brier": make_gain(-0.0015, 0.001)}))
    assert "Brier score may lose up to 0.0025 within its interval; 0.002 is allowed by estimate." in found


def test_an_interval_that_reaches_beyond_its_floor_deserves_a_look() -> None:
    policy = make_decision().policy.model_copy(update={"floors": {"roc_auc": 0.738}})
    assert "ROC AUC's interval reaches beyond its floor of 0.738" in said(make_decision(policy=policy))


def test_calibration_close_to_its_bound_deserves_a_look() -> None:
    assert "Calibration is close to its bound" in said(
        make_decision(challenger=challenger(calibration={"value": 0.045, "low": 0.04, "high": 0.049}))
    )
    regression = make_regression()
    calibration = regression.challenger.calibration
    assert calibration is not None
    close = calibration.model_copy(update={"value": 0.873, "low": 0.865, "high": 0.881})
    judged = regression.challenger.model_copy(update={"calibration": close})
    found = said(make_regression(challenger=judged))
    assert "Coverage is close to its bound: 87.3 % of the rows lie within the stated interval of 90 %" in found


def test_a_budget_that_is_nearly_used_and_a_slower_model_deserve_a_look() -> None:
    found = said(make_decision(challenger=challenger(cost={"latency_ms": 1.9})))
    assert "95 % of the latency budget is used." in found
    assert "Slower than the champion: 1.9 ms against 0.248 ms for a row." in found


def test_a_large_share_of_changed_decisions_deserves_a_look() -> None:
    decision = make_decision()
    replay = decision.attached.replay.model_copy(update={"changed": 600, "changed_share": 0.12})
    changed = decision.model_copy(update={"attached": decision.attached.model_copy(update={"replay": replay})})
    assert "12 % of 5,000 replayed requests would be decided otherwise." in said(changed)
    assert "replayed" not in said(decision)


def test_made_up_rows_and_uncommitted_changes_deserve_a_look() -> None:
    assert "made-up rows: synthetic sample of 20000 rows" in said(make_first_release())
    assert "uncommitted changes" in said(make_regression())
    lineage = make_lineage("data.csv", git_commit="", image="")
    decision = make_decision()
    unknown = decision.model_copy(update={"attached": decision.attached.model_copy(update={"lineage": lineage})})
    assert "Not known: the commit, the image." in said(unknown, "know")


def test_rows_that_were_taken_out_are_told_and_many_deserve_a_look() -> None:
    assert "214 of 15,960 holdout rows (1.3 %) were taken out" in said(make_decision(), "know")
    rows = make_decision().rows.model_copy(update={"removed": 6000, "used": 9960})
    assert "6,000 of 15,960 holdout rows (37.6 %) were taken out" in said(make_decision(rows=rows))


def test_a_leak_that_is_near_and_a_person_s_wish_and_missing_parity_deserve_a_look() -> None:
    decision = make_decision()
    assert decision.leak is not None
    leak = decision.leak.model_copy(update={"score": 0.95})
    found = said(make_decision(leak=leak, again=True, parity=None))
    assert "sched_dep_time alone reaches 0.95; 0.97 is taken for a leak." in found
    assert "asked again for a version that was rolled back" in found
    assert "Parity over HTTP was not proved." in found


def test_an_old_champion_is_good_to_know() -> None:
    assert "trained 402 days ago; the policy calls it old after 365." in said(make_regression(), "know")


def test_every_point_leads_to_a_part_that_it_names() -> None:
    for decision in (make_decision(), make_regression(), make_first_release()):
        assert all(point.seen for point in points(decision))
