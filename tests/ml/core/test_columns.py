"""From the raw table's columns to the problem's, and from a row to its key."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.core.cleaning import clean
from ml.core.columns import arrange, row_keys
from ml.core.frame import LINE, TEXT
from ml.errors import DataError
from ml.problem import Columns, Derived
from service.schema import Feature
from tests.support.problems import make_problem
from tests.support.tables import raw_table

FILE = "claims.csv"
RENAMED = Columns(key=("id",), rename={"Years": "age", "Response": "outcome"})
WEEKDAY = Feature(name="weekday", kind="integer", minimum=1, maximum=7, example=1)
DATED = make_problem(
    features=(WEEKDAY,),
    columns=Columns(
        key=("id",), ignored=("y", "m", "d"), derived=(Derived(name="weekday", weekday_of=("y", "m", "d")),)
    ),
)


def keys(*columns: Sequence[str | None]) -> list[int]:
    names = [f"key{number}" for number in range(len(columns))]
    problem = make_problem(columns=Columns(key=tuple(names)))
    frame = pd.DataFrame(
        {name: pd.Series(list(values), dtype=TEXT) for name, values in zip(names, columns, strict=True)}
    )
    return [int(key) for key in row_keys(frame, problem)]


@pytest.mark.parametrize("column", ["id", "age", "income", "region", "insured", "outcome"])
def test_a_missing_column_is_named_with_those_that_are_there(column: str) -> None:
    raw = raw_table(5).drop(columns=column)
    with pytest.raises(DataError) as refused:
        arrange(raw, make_problem(), FILE)
    there = ", ".join(name for name in raw.columns if name != LINE)
    assert str(refused.value) == f"{FILE}: column {column!r} is missing; it has: {there}"


def test_a_missing_column_is_named_by_both_of_its_names() -> None:
    with pytest.raises(DataError, match=r"^claims\.csv: column 'age' \(or 'Years'\) is missing"):
        arrange(raw_table(5).drop(columns="age"), make_problem(columns=RENAMED), FILE)


def test_an_unknown_column_is_named_with_the_way_to_ignore_it() -> None:
    with pytest.raises(DataError) as refused:
        arrange(raw_table(2, shoe_size=["41", "42"]), make_problem(), FILE)
    assert str(refused.value) == f"{FILE}: column 'shoe_size' is unknown to problem 'toy'; columns.ignored may list it"


def test_ignored_columns_are_dropped() -> None:
    problem = make_problem(columns=Columns(key=("id",), ignored=("shoe_size",)))
    frame = arrange(raw_table(2, shoe_size=["41", "42"]), problem, FILE)
    assert list(frame.columns) == [LINE, "age", "income", "region", "insured", "outcome", "id"]


def test_a_key_may_be_an_ignored_column() -> None:
    problem = make_problem(columns=Columns(key=("id",), ignored=("id",)))
    assert "id" in arrange(raw_table(2), problem, FILE)


@pytest.mark.parametrize("given", [{"age": "Years", "outcome": "Response"}, {"age": "Years"}, {}])
def test_either_name_of_a_renamed_column_is_taken(given: dict[str, str]) -> None:
    problem = make_problem(columns=RENAMED)
    expected = clean(raw_table(), problem, FILE).rows
    pd.testing.assert_frame_equal(clean(raw_table().rename(columns=given), problem, FILE).rows, expected)


def test_both_names_of_a_column_at_once_are_refused() -> None:
    with pytest.raises(DataError, match="column 'Years' is unknown"):
        arrange(raw_table(2, Years=["1", "2"]), make_problem(columns=RENAMED), FILE)


def test_the_order_of_columns_does_not_matter() -> None:
    raw = raw_table()
    turned = raw[list(reversed(raw.columns))]
    pd.testing.assert_frame_equal(clean(raw, make_problem(), FILE).rows, clean(turned, make_problem(), FILE).rows)


def test_the_weekday_is_derived_with_monday_as_one() -> None:
    raw = raw_table(3, y=["2013", "2013", "2013"], m=["1", "01", "12"], d=["7", "6.0", "31"])
    raw = raw.drop(columns=["age", "income", "region", "insured"])
    assert arrange(raw, DATED, FILE)["weekday"].tolist() == ["1", "7", "2"]


def test_a_date_that_does_not_exist_has_no_weekday() -> None:
    raw = raw_table(2, y=["2013", "2013"], m=["2", "2"], d=["30", None]).drop(
        columns=["age", "income", "region", "insured"]
    )
    assert arrange(raw, DATED, FILE)["weekday"].isna().all()


def test_a_derived_column_that_the_table_has_is_taken_as_given() -> None:
    raw = raw_table(1, weekday=["4"]).drop(columns=["age", "income", "region", "insured"])
    assert arrange(raw, DATED, FILE)["weekday"].tolist() == ["4"]


def test_a_derived_column_without_its_sources_is_missing() -> None:
    raw = raw_table(1, y=["2013"], m=["1"]).drop(columns=["age", "income", "region", "insured"])
    with pytest.raises(DataError, match="column 'weekday' is missing"):
        arrange(raw, DATED, FILE)


def test_a_number_gives_the_same_key_however_it_is_written() -> None:
    assert len(set(keys(["28", "28.0", " 28", "2.8e1", "028"]))) == 1


def test_numbers_beyond_float64_keep_their_own_keys() -> None:
    neighbours = [str(2**53 + step) for step in range(4)]
    assert len(set(keys(neighbours))) == 4


def test_a_key_does_not_depend_on_the_rows_around_it() -> None:
    assert keys(["9", "a", "28.0"])[2] == keys(["28"])[0]


def test_the_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert len(set(keys(["a", "ab", "abc"], ["bc", "c", ""]))) == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=5) | st.integers().map(str), unique_by=lambda text: text.strip(), max_size=30))
def test_different_texts_have_different_keys(texts: list[str]) -> None:
    def number(text: str) -> float | str:
        try:
            return float(text)
        except ValueError:
            return text.strip()

    distinct = {number(text): text for text in texts if "\x00" not in text}
    assert len(set(keys(list(distinct.values())))) == len(distinct)
