"""Log lines that count something, as CloudWatch Logs reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.retrain.metrics import EmbeddedMetrics
from twin.emulator.embedded_metrics import Datum, read


def line(**root: Any) -> str:
    directive = {"Namespace": "N", "Dimensions": [["A"], []], "Metrics": [{"Name": "M", "Unit": "Count"}]}
    return json.dumps({"_aws": {"Timestamp": 2500, "CloudWatchMetrics": [directive]}, **root})


def test_what_the_function_writes_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERTOOLS_SERVICE_NAME", raising=False)
    EmbeddedMetrics().count("Started", "flights", "data")
    counted = [one for text in capsys.readouterr().out.splitlines() for one in read(text)]
    assert [(one.namespace, one.name, dict(one.dimensions), list(one.values)) for one in counted] == [
        ("Evergreen", "Started", {"Problem": "flights"}, [1.0]),
        ("Evergreen", "Started", {"Problem": "flights", "Reason": "data"}, [1.0]),
    ]


def test_every_set_of_dimensions_is_a_metric() -> None:
    assert read(line(A="x", M=3)) == [
        Datum("N", "M", {"A": "x"}, "Count", [3.0], 2.5),
        Datum("N", "M", {}, "Count", [3.0], 2.5),
    ]


def test_a_list_is_many_values() -> None:
    assert [list(one.values) for one in read(line(A="x", M=[1, 2]))] == [[1.0, 2.0], [1.0, 2.0]]


def test_dimensions_without_a_value_are_left_out() -> None:
    assert [dict(one.dimensions) for one in read(line(M=1))] == [{}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text about CloudWatchMetrics",
        '{"_aws": "CloudWatchMetrics"}',
        '{"_aws": {"CloudWatchMetrics": 3}}',
        '["CloudWatchMetrics"]',
        '{"CloudWatchMetrics',
        '{"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "M"}]}]}, "M": 1}',
        '{"_aws": {"CloudWatchMetrics": [{"Namespace": "N", "Metrics": [{"Name": "M"}]}]}, "M": "many"}',
        '{"_aws": {"CloudWatchMetrics": [{"Namespace": "N", "Metrics": ["M"], "Dimensions": 3}]}, "M": 1}',
        '{"_aws": {"CloudWatchMetrics": [{"Namespace": "N", "Metrics": 7}]}, "M": 1}',
        line(M=10**400),
        line(M=float("nan")),
    ],
)
def test_what_is_none_counts_nothing(text: str) -> None:
    assert read(text) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON, JSON, JSON, JSON)
def test_no_line_can_break_the_log(namespace: Any, dimensions: Any, metrics: Any, value: Any) -> None:
    directive = {"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics}
    read(json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "M": value}))
