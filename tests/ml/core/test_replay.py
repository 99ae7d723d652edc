"""Captured requests, answered again by both models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.core.explanation import Model
from ml.core.record import Latency, Replay
from ml.core.replay import CapturedRow, accepted, replay
from service.schema import CAPTURE_ALL, CaptureRules, Feature, Output, Schema, Task, Value

START = datetime(2026, 11, 20, tzinfo=UTC)
FEATURES = (
    Feature(name="x", kind="number", minimum=-100, maximum=100, example=0.0),
    Feature(name="level", kind="category", levels=(3, 28), example=3),
)
LATENCY = {"challenger": Latency(median_ms=0.2, p99_ms=0.3), "champion": Latency(median_ms=0.1, p99_ms=0.2)}
BACKGROUND = pd.DataFrame({"x": np.linspace(-1.0, 1.0, 21), "level": [3, 28, 3] * 7})


def model(
    slope: float = 1.0,
    shift: float = 0.0,
    *,
    task: Task = "regression",
    threshold: float = 0.5,
    unit: str = "",
    features: tuple[Feature, ...] = FEATURES,
    capture: CaptureRules = CAPTURE_ALL,
) -> Model:
    """slope * x + shift, whatever the level."""
    output = Output(name="y", threshold=threshold, unit=unit)
    schema = Schema(name="toy", task=task, features=features, output=output, capture=capture)

    def predict(columns: Mapping[str, Any]) -> Any:
        return slope * np.asarray(columns["x"], dtype=np.float64) + shift

    return Model(schema, predict)


def row(number: int, **features: Value) -> CapturedRow:
    """Row 0 is the newest."""
    given: dict[str, Value] = {"x": 0.0, "level": 3, **features}
    return CapturedRow(f"r{number}", 0, START - timedelta(seconds=number), "1", "digest", given, 0.0)


def rows(*values: float) -> list[CapturedRow]:
    return [row(number, x=value) for number, value in enumerate(values)]


def done(captured: list[CapturedRow], champion: Model, challenger: Model) -> Replay:
    return replay(
        captured, champion, challenger, source="a test", background=BACKGROUND, latency=LATENCY, seed=0
    )  # fmt: skip


def test_a_classifier_s_decision_is_changed_where_the_class_at_each_model_s_own_threshold_is_another() -> None:
    champion = model(task="binary", threshold=0.5)
    challenger = model(task="binary", threshold=0.3)
    found = done(rows(0.1, 0.3, 0.4, 0.5, 0.9), champion, challenger)
    assert (found.status, found.rows, found.changed, found.changed_share) == ("replayed", 5, 2, 0.4)
    assert found.said == "The decision is another for 2 of 5 captured rows (40.00%)."
    assert found.mean == 0.0
    assert found.top == ()


def test_a_regression_s_output_is_changed_beyond_a_tenth_of_a_standard_deviation() -> None:
    values = [float(value) for value in range(-10, 11)]
    spread = float(np.std(values))
    assert done(rows(*values), model(), model(shift=0.11 * spread)).changed == 21
    found = done(rows(*values), model(), model(shift=0.09 * spread, unit="USD"))
    assert (found.changed, found.changed_share) == (0, 0.0)
    assert "0.6055 USD, a tenth of a standard deviation, for 0 of 21" in found.said


def test_differences_are_challenger_minus_champion() -> None:
    found = done(rows(*range(101)), model(), model(slope=2.0))
    assert found.mean == pytest.approx(50.0)
    assert found.quantiles == pytest.approx(
        {"0.01": 1.0, "0.05": 5.0, "0.25": 25.0, "0.5": 50.0, "0.75": 75.0, "0.95": 95.0, "0.99": 99.0}
    )
    assert found.differences is not None
    assert sum(found.differences.counts) == 101
    assert len(found.differences.edges) == len(found.differences.counts) + 1
    assert (found.differences.edges[0], found.differences.edges[-1]) == (0.0, 100.0)
    assert (found.since, found.until) == (START - timedelta(seconds=100), START)
    assert found.latency == LATENCY


@pytest.mark.parametrize("shift", [0.0, 0.1, 1e6])
def test_differences_that_are_all_the_same_but_for_their_last_digits_have_a_histogram(shift: float) -> None:
    found = done(rows(*np.linspace(-1.0, 1.0, 40).tolist()), model(), model(shift=shift))
    assert found.differences is not None
    assert sum(found.differences.counts) == 40
    assert found.differences.edges[0] < shift < found.differences.edges[-1]


def test_the_twenty_rows_that_change_most_come_with_what_drove_them() -> None:
    found = done(rows(*range(50)), model(), model(slope=3.0))
    assert [changed.features["x"] for changed in found.top] == list(range(49, 29, -1))
    first = found.top[0]
    assert (first.request_id, first.champion, first.challenger) == ("r49", 49.0, 147.0)
    [driver] = first.drivers
    assert (driver.feature, driver.value) == ("x", 49.0)
    assert driver.champion is not None
    assert driver.challenger == pytest.approx(3 * driver.champion, rel=1e-4)


def test_of_rows_with_equal_features_the_newest_stands_for_all() -> None:
    found = done(rows(5.0, 5.0, 4.0, 5.0), model(), model(slope=2.0))
    assert [changed.request_id for changed in found.top] == ["r0", "r2"]


def test_rows_that_a_schema_does_not_accept_are_skipped_and_counted() -> None:
    captured = [
        row(0, x=1.0),
        row(1, x=1000.0),
        row(2, x=None),
        row(3, level=7),
        row(4, level="0123456789abcdef"),
        row(5, x=2.0, level=28.0, other="more than the models know"),
    ]
    assert [each.request_id for each in accepted(captured, model().schema)] == ["r0", "r5"]
    found = done(captured, model(), model(slope=2.0))
    assert (found.rows, found.skipped) == (2, 4)


def test_a_challenger_s_narrower_schema_counts_too() -> None:
    narrow = (FEATURES[0].model_copy(update={"maximum": 1.5}), FEATURES[1])
    found = done(rows(1.0, 2.0), model(), model(features=narrow))
    assert (found.rows, found.skipped) == (1, 1)


def test_what_the_capture_rules_took_away_is_named() -> None:
    hidden = model(capture=CaptureRules(drop=("level",), hash=("x",)))
    found = done(rows(1.0, 2.0), hidden, model())
    assert (found.status, found.rows, found.skipped) == ("not_replayable", 0, 2)
    assert found.said == "Captured rows cannot be scored again: the capture rules drop 'level' and hash 'x'."


def test_rules_of_the_challenger_let_rows_be_scored_and_keep_their_values_off_the_record() -> None:
    rules = CaptureRules(drop=("level",), hash=("x",))
    found = done(rows(1.0), model(), model(slope=2.0, capture=rules))
    assert found.status == "replayed"
    [changed] = found.top
    assert changed.features == {}
    assert [(each.feature, each.value, each.withheld) for each in changed.drivers] == [("x", None, True)]


def test_a_captured_feature_that_neither_model_has_is_not_on_record() -> None:
    [changed] = done([row(0, x=1.0, former="of an older version")], model(), model(slope=2.0)).top
    assert changed.features == {"x": 1.0, "level": 3}


def test_a_feature_that_no_captured_row_has_is_named() -> None:
    new = (*FEATURES, Feature(name="new", kind="boolean", example=True))
    found = done(rows(1.0, 2.0), model(), model(features=new))
    assert (found.status, found.skipped) == ("not_replayable", 2)
    assert found.said == (
        "None of the 2 captured rows fits both models: the newest lacks 'new', which the challenger does not accept."
    )
