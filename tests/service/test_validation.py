from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.schema import Feature, Output, Schema, Value
from service.validation import MAX_REPORTED, Validator
from tests.support.bundles import FEATURES

SCHEMA = Schema(name="toy", task="binary", features=FEATURES, output=Output(name="target"))
VALIDATOR = Validator(SCHEMA, max_rows=50)
ROW: dict[str, Any] = {"Gender": "Male", "Age": 49, "RegionID": 28, "Premium": 1885.05, "Insured": False}


def refusal(body: str | bytes, *, batch: bool = False) -> list[dict[str, Any]]:
    raw = body if isinstance(body, bytes) else body.encode()
    with pytest.raises(InvalidInput) as caught:
        VALIDATOR.columns(raw) if batch else VALIDATOR.row(raw)
    assert isinstance(caught.value.detail, list)
    json.dumps(caught.value.detail, allow_nan=False)
    return caught.value.detail


def with_value(name: str, text: str) -> str:
    """The valid row with one value given as JSON text."""
    return json.dumps(ROW | {name: "@@"}).replace('"@@"', text)


def test_a_valid_row_comes_out_with_the_schema_s_own_levels() -> None:
    row = VALIDATOR.row(json.dumps(ROW | {"RegionID": 28.0, "Age": 49.0}).encode())
    assert row == ROW
    assert type(row["RegionID"]) is int


def test_a_nullable_feature_takes_null_and_still_has_to_be_given() -> None:
    assert VALIDATOR.row(with_value("Premium", "null").encode())["Premium"] is None
    without = {name: value for name, value in ROW.items() if name != "Premium"}
    assert refusal(json.dumps(without)) == [{"type": "missing", "loc": ["body", "Premium"], "msg": "Field required"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Age", '"49"'), ("Age", "true"), ("Age", "49.5"), ("Age", "49.0000000001"), ("Age", "17"), ("Age", "101"),
        ("Age", "null"), ("Age", "NaN"), ("Age", "-Infinity"), ("Age", "1e999"), ("Age", "9" * 400), ("Age", "[49]"),
        ("RegionID", "53"), ("RegionID", "-1"), ("RegionID", "true"), ("RegionID", '"28"'), ("RegionID", "28.5"),
        ("RegionID", "NaN"), ("RegionID", "null"), ("RegionID", "{}"), ("Gender", '"male"'), ("Gender", '""'),
        ("Gender", "1"), ("Gender", "null"), ("Gender", '["Male"]'), ("Premium", '"1885.05"'), ("Premium", "Infinity"),
        ("Premium", "-0.01"), ("Premium", "1000000.01"), ("Premium", "false"), ("Insured", "0"), ("Insured", '"false"'),
        ("Insured", "null"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_at_its_place(name: str, text: str) -> None:
    (entry,) = refusal(with_value(name, text))
    assert entry["loc"] == ["body", name]
    assert entry["msg"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"1", b'"row"', b"\xff\xfe", b"{'Age': 49}", b"[" * 100_000, b'{"a":' * 5_000,
        b'{"Gender":"\\ud800"}', b"\xef\xbb\xbf{}", b'{"Age":' + b"9" * 5_000 + b"}", b"\x00", b"{}{}",
    ],
)  # fmt: skip
def test_what_is_not_a_row_is_refused(body: bytes) -> None:
    assert refusal(body)
    assert refusal(body, batch=True)


def test_an_unknown_field_is_refused_by_name() -> None:
    (entry,) = refusal(json.dumps(ROW | {"Agee": 1}))
    assert (entry["type"], entry["loc"], entry["input"]) == ("extra_forbidden", ["body", "Agee"], 1)


def test_a_field_that_is_given_twice_is_refused() -> None:
    text = json.dumps(ROW)
    (entry,) = refusal(text[:-1] + ', "Age": 50}')
    assert entry["loc"] == ["body", "Age"]
    (entry,) = refusal('{"rows": [' + text + "," + text[:-1] + ', "Age": 49}]}', batch=True)
    assert entry["type"] == "duplicate_field"


def test_names_written_with_escapes_are_the_same_names() -> None:
    text = json.dumps(ROW).replace('"Age"', '"\\u0041ge"').replace('"Male"', '"\\u004dale"')
    assert VALIDATOR.row(text.encode()) == ROW


def test_a_bad_row_of_a_batch_is_named_by_its_index() -> None:
    rows = [ROW] * 17 + [ROW | {"Age": 200}] + [ROW] * 3
    (entry,) = refusal(json.dumps({"rows": rows}), batch=True)
    assert entry["loc"] == ["body", "rows", 17, "Age"]
    assert entry["input"] == 200


@pytest.mark.parametrize("rows", [[], [ROW] * 51, {}, "rows", None])
def test_a_batch_of_no_or_too_many_rows_is_refused(rows: object) -> None:
    (entry,) = refusal(json.dumps({"rows": rows}), batch=True)
    assert entry["loc"] == ["body", "rows"]


def test_few_of_many_errors_are_reported_and_long_input_is_not_echoed() -> None:
    entries = refusal(json.dumps({f"unknown{n}" * 30: "x" * 500 for n in range(40)}))
    assert len(entries) == MAX_REPORTED
    assert len(json.dumps(entries)) < 20_000


def test_a_flood_of_fields_is_refused_without_listing_it() -> None:
    (entry,) = refusal("{" + ",".join(f'"f{n}":1' for n in range(5_000)) + "}")
    assert entry["type"] == "too_many_fields"
    (entry,) = refusal('{"rows":[[' + "1," * 100_000 + "1]]}", batch=True)
    assert entry["type"] == "too_many_fields"


def test_integer_levels_beyond_float_precision_are_not_mixed_up() -> None:
    feature = Feature(name="id", kind="category", levels=(2**53, 2**53 + 2), example=2**53)
    validator = Validator(Schema(name="a", task="binary", features=(feature,), output=Output(name="t")), max_rows=1)
    assert validator.row(b'{"id": %d}' % 2**53) == {"id": 2**53}
    with pytest.raises(InvalidInput):
        validator.row(b'{"id": %d}' % (2**53 + 1))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 110),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["Male", "Female"]),
)


@given(st.fixed_dictionaries({feature.name: VALUES for feature in FEATURES}))
def test_a_row_is_valid_exactly_when_the_schema_accepts_each_value(row: dict[str, Value]) -> None:
    def accepted(feature: Feature) -> bool:
        value = row[feature.name]
        finite = not isinstance(value, float) or math.isfinite(value)
        whole = not (feature.name == "RegionID" and isinstance(value, float)) or float(value).is_integer()
        return finite and whole and feature.accepts(value)

    body = json.dumps(row).encode()
    wrong = [feature.name for feature in FEATURES if not accepted(feature)]
    if wrong:
        assert [entry["loc"][1] for entry in refusal(body)] == wrong
    else:
        assert VALIDATOR.row(body) == row


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_never_more_than_invalid(body: bytes) -> None:
    for read in (VALIDATOR.row, VALIDATOR.columns):
        with pytest.raises(InvalidInput):
            read(body)
