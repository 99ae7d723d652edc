"""What follows for an alarm from what was measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.retrain.requests import read
from twin.emulator import alarm_event
from twin.emulator.alarm_query import Queries, Query, period_of, queries, value_of, within
from twin.emulator.alarm_state import ALARM, NO_DATA, OK, Rule, judge, reason
from twin.emulator.metric_math import MathError

HIGH, LOW = 9.0, 1.0
EVENTS = Path("tests/functions/events")
DRIFT: dict[str, Any] = {
    "AlarmName": "drift",
    "Namespace": "Evergreen",
    "MetricName": "Drift",
    "Dimensions": [{"Name": "Problem", "Value": "flights"}],
    "Statistic": "Maximum",
    "Period": 3600,
}


def metric(name: str, *, returned: bool = False, period: int = 60) -> dict[str, Any]:
    found = {"Namespace": "N", "MetricName": name, "Dimensions": []}
    return {"Id": name, "MetricStat": {"Metric": found, "Period": period, "Stat": "Sum"}, "ReturnData": returned}


def formula(text: str) -> dict[str, Any]:
    return {"Id": "formula", "Expression": text, "ReturnData": True}


@pytest.mark.parametrize(
    ("values", "missing", "state"),
    [
        ([HIGH, HIGH, LOW], "missing", ALARM),
        ([HIGH, LOW, LOW], "missing", OK),
        ([HIGH, None, HIGH], "notBreaching", ALARM),
        ([HIGH, None, None], "notBreaching", OK),
        ([HIGH, None, LOW], "breaching", ALARM),
        ([None, None, None], "breaching", ALARM),
        ([None, None, None], "notBreaching", OK),
        ([None, None, None], "missing", NO_DATA),
        ([None, None, None], "ignore", "whatever it was"),
        ([HIGH, None, None], "missing", ALARM),
        ([HIGH, None, None], "ignore", "whatever it was"),
        ([LOW, LOW, None], "ignore", OK),
        ([HIGH, HIGH, None], "ignore", ALARM),
    ],
)
def test_two_of_three_periods_with_and_without_data(values: list[float | None], missing: str, state: str) -> None:
    rule = Rule("GreaterThanThreshold", 5.0, periods=3, needed=2, missing=missing)
    assert judge(rule, values, "whatever it was") == state


@pytest.mark.parametrize(
    ("comparison", "at_threshold"),
    [
        ("GreaterThanThreshold", OK),
        ("GreaterThanOrEqualToThreshold", ALARM),
        ("LessThanThreshold", OK),
        ("LessThanOrEqualToThreshold", ALARM),
    ],
)
def test_the_threshold_itself(comparison: str, at_threshold: str) -> None:
    assert judge(Rule(comparison, 5.0, periods=1, needed=1), [5.0], OK) == at_threshold


def test_a_reason_says_what_was_measured() -> None:
    rule = Rule("GreaterThanThreshold", 5.0, periods=3, needed=2, missing="notBreaching")
    assert reason(rule, [HIGH, LOW, HIGH], ALARM).endswith(
        "2 out of the last 3 datapoints [9, 9] were greater than the threshold (5)."
    )
    assert reason(rule, [None, None, None], OK).endswith("for 3 periods and were treated as [NonBreaching].")


def test_a_formula_gets_the_metrics_that_it_reads() -> None:
    asked = queries({"Metrics": [formula("100 * FILL(bad, 0) / all"), metric("bad"), metric("all", period=300)]})
    measured: dict[str, float | None] = {"bad": None, "all": 4.0}
    assert value_of(asked, lambda query: measured[query.name]) == 0.0
    assert period_of(asked) == 300


def test_an_alarm_on_one_metric_is_that_metric() -> None:
    asked = queries(DRIFT)
    expected = Query("Evergreen", "Drift", {"Problem": "flights"}, "Maximum", 3600)
    assert asked == Queries({"m": expected}, "m")
    assert value_of(asked, lambda query: float(query == expected)) == 1.0


@pytest.mark.parametrize(
    "given",
    [
        [formula("a + b"), metric("a")],
        [formula("a"), metric("a", returned=True)],
        [metric("a")],
        [formula("ANOMALY_DETECTION_BAND(a)"), metric("a")],
    ],
)
def test_an_alarm_that_could_never_be_evaluated_is_refused(given: list[dict[str, Any]]) -> None:
    with pytest.raises(MathError):
        queries({"Metrics": given})


def test_a_window_takes_late_points_and_leaves_old_ones() -> None:
    points = [{"Timestamp": float(at)} for at in (0, 100, 98, 101, 99.5, 102)]
    assert {point["Timestamp"] for point in within(points, 99, 101)} == {99.5, 100, 101}


def test_the_event_is_one_that_the_function_understands() -> None:
    """The example is AWS's; what is made here has its fields and is read as the same wish."""
    example = json.loads((EVENTS / "drift_alarm.json").read_text())
    now = alarm_event.state(ALARM, "Threshold Crossed", datetime(2026, 11, 21, tzinfo=UTC))
    made = alarm_event.detail(DRIFT, now, {"value": OK})
    assert set(made["configuration"]["metrics"][0]) >= {"id", "metricStat", "returnData"}
    (request,) = read({**example, "detail": made}, "raw", ["flights"])
    assert getattr(request, "problem", None) == "flights"
    assert getattr(request, "cause", None) == "drift"


def test_the_event_of_a_formula_names_its_parts() -> None:
    alarm = {"AlarmName": "errors", "Metrics": [formula("a * 2"), metric("a")]}
    parts = alarm_event.detail(alarm, {}, {})["configuration"]["metrics"]
    assert [part["id"] for part in parts] == ["formula", "a"]
    assert parts[0]["expression"] == "a * 2"
    assert parts[1]["metricStat"]["metric"] == {"namespace": "N", "name": "a", "dimensions": {}}
