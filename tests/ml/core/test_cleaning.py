"""Every kind of bad row and table: refused by file, column and line, or set aside by line and reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.core.cleaning import Cleaned, clean
from ml.core.frame import KEY, LINE, TARGET
from ml.errors import DataError
from ml.problem import Target
from service.schema import Feature
from tests.support.problems import FEATURES, make_problem
from tests.support.tables import raw_table, replaced

FILE = "claims.csv.gz"
BAD = {
    "a text in an integer": ("age", "forty", "age: a value is not an integer"),
    "a fraction in an integer": ("age", "40.5", "age: a value is not an integer"),
    "an integer below its minimum": ("age", "-1", "age: a value is outside 0 to 120"),
    "an integer above its maximum": ("age", "121", "age: a value is outside 0 to 120"),
    "an infinite integer": ("age", "inf", "age: a value is not an integer"),
    "a missing integer": ("age", None, "age: a value is missing"),
    "a text in a number": ("income", "1,5", "income: a value is not a number"),
    "an infinite number": ("income", "-inf", "income: a value is outside -1e+09 to 1e+09"),
    "a number out of range": ("income", "1e10", "income: a value is outside -1e+09 to 1e+09"),
    "an unknown level": ("region", "east", "region: a level is unknown"),
    "a level in another case": ("region", "North", "region: a level is unknown"),
    "a level with a space": ("region", "north ", "region: a level is unknown"),
    "a text in a boolean": ("insured", "maybe", "insured: a value is not a boolean"),
    "a number in a boolean": ("insured", "2", "insured: a value is not a boolean"),
    "a missing boolean": ("insured", None, "insured: a value is missing"),
    "a missing target": ("outcome", None, "outcome: the target is missing"),
    "a text target": ("outcome", "yes", "outcome: the target is not a number"),
    "an infinite target": ("outcome", "inf", "outcome: the target is not a number"),
    "a third class": ("outcome", "2", "outcome: the target is not 0 or 1"),
    "a missing key": ("id", None, "id: a key is missing"),
    "a key that occurs before": ("id", "5", "id: a key occurs twice"),
    "a key that occurs before as 5.0": ("id", "5.0", "id: a key occurs twice"),
}
bad = pytest.mark.parametrize(("column", "text", "reason"), list(BAD.values()), ids=list(BAD))


def table(column: str, changes: dict[int, str | None], count: int = 200) -> pd.DataFrame:
    return raw_table(count, **{column: replaced(raw_table(count)[column].tolist(), changes)})


def refusal(raw: pd.DataFrame, **problem: Any) -> str:
    with pytest.raises(DataError) as refused:
        clean(raw, make_problem(**problem), FILE)
    message = str(refused.value)
    assert message.startswith(f"{FILE}: ")
    assert "\n" not in message
    return message


def one(text: str | None, feature: Feature) -> Cleaned:
    """A table of one feature of which only row 10 is of interest."""
    plain = "north" if feature.levels and isinstance(feature.levels[0], str) else "1"
    raw = raw_table(**{feature.name: replaced([plain] * 200, {10: text})})
    others = {"age", "income", "region", "insured"} - {feature.name}
    return clean(raw.drop(columns=list(others)), make_problem(features=(feature,)), FILE)


@bad
def test_few_bad_rows_are_set_aside_with_line_and_reason(column: str, text: str | None, reason: str) -> None:
    cleaned = clean(table(column, {60: text}), make_problem(), FILE)
    assert cleaned.quarantined[[LINE, "reason"]].to_numpy().tolist() == [[62, reason]]
    assert len(cleaned.rows) == 199
    shown = cleaned.quarantined[column].iloc[0]
    assert pd.isna(shown) if text is None else shown == text


@bad
def test_many_bad_rows_refuse_the_table_with_column_and_first_lines(column: str, text: str | None, reason: str) -> None:
    message = refusal(table(column, dict.fromkeys((60, 61, 62, 63), text)))
    cell = "empty" if text is None else repr(text)
    what = reason.removeprefix(f"{column}: ")
    assert f"column '{column}': {what} in 4 of 200 rows, first at line 62 ({cell}), line 63 ({cell})," in message
    assert message.endswith("2.0% of the rows are bad and 1.0% are tolerated")


def test_exactly_the_tolerated_share_of_bad_rows_passes_and_one_more_does_not() -> None:
    assert len(clean(table("age", {1: "x", 2: "x"}), make_problem(), FILE).quarantined) == 2
    assert "1.5%" in refusal(table("age", {1: "x", 2: "x", 3: "x"}))


def test_a_problem_that_tolerates_nothing_refuses_a_single_bad_row() -> None:
    assert "in 1 of 200 rows, first at line 9 ('x')" in refusal(table("age", {7: "x"}), bad_rows=0.0)


def test_a_row_that_is_bad_in_two_ways_is_counted_once_with_both_reasons() -> None:
    raw = raw_table(age=replaced(raw_table()["age"].tolist(), {7: "x"}), insured=["1"] * 7 + ["?"] + ["0"] * 192)
    cleaned = clean(raw, make_problem(), FILE)
    assert cleaned.quarantined["reason"].tolist() == [
        "age: a value is not an integer; insured: a value is not a boolean"
    ]


def test_the_line_of_a_row_is_that_of_the_file_and_not_its_position() -> None:
    raw = table("age", {7: "x"})
    raw[LINE] += 40
    assert clean(raw, make_problem(), FILE).quarantined[LINE].tolist() == [49]


def test_a_table_without_rows_is_refused() -> None:
    assert refusal(raw_table(0)) == f"{FILE}: there are no rows below the header"


@pytest.mark.parametrize("only", ["0", "1"])
def test_a_target_of_one_class_is_refused(only: str) -> None:
    message = refusal(raw_table(outcome=[only] * 200))
    assert message == f"{FILE}: column 'outcome' has only {only} as the target; two classes or values are needed"


def test_a_constant_value_is_refused_as_a_regression_target() -> None:
    assert "has only 2.5 as the target" in refusal(raw_table(outcome=["2.5"] * 200), task="regression")


def test_a_target_that_the_bad_rows_leave_with_one_class_is_refused() -> None:
    raw = raw_table(outcome=["1"] + ["0"] * 199, age=["x"] + ["7"] * 199)
    assert "has only 0 as the target" in refusal(raw)


def test_rows_without_a_target_are_excluded_where_the_problem_says_so() -> None:
    problem = make_problem(target=Target(column="outcome", missing="exclude"))
    cleaned = clean(table("outcome", dict.fromkeys(range(50), None)), problem, FILE)
    assert (len(cleaned.rows), len(cleaned.quarantined), cleaned.excluded) == (150, 0, 50)


def test_a_table_whose_every_target_is_missing_is_refused() -> None:
    message = refusal(raw_table(outcome=[None] * 200), target=Target(column="outcome", missing="exclude"))
    assert message == f"{FILE}: column 'outcome' is empty in all 200 rows"


def test_excluded_rows_do_not_shift_the_lines_of_the_others() -> None:
    problem = make_problem(target=Target(column="outcome", missing="exclude"))
    raw = raw_table(
        outcome=replaced(raw_table()["outcome"].tolist(), {0: None, 1: None}),
        age=replaced(raw_table()["age"].tolist(), {20: "x"}),
    )
    assert clean(raw, problem, FILE).quarantined[LINE].tolist() == [22]


def test_a_number_becomes_a_class_where_the_problem_names_a_bound() -> None:
    problem = make_problem(target=Target(column="outcome", above=15))
    cleaned = clean(raw_table(4, outcome=["15", "15.1", "-3", "99"]), problem, FILE)
    assert cleaned.rows[TARGET].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_a_text_becomes_the_positive_class_where_the_problem_names_one() -> None:
    problem = make_problem(target=Target(column="outcome", positive="yes"))
    assert clean(raw_table(3, outcome=["no", "yes", "no"]), problem, FILE).rows[TARGET].tolist() == [0.0, 1.0, 0.0]


def test_zero_may_be_the_positive_class() -> None:
    problem = make_problem(target=Target(column="outcome", positive=0))
    assert clean(raw_table(3, outcome=["1", "0", "1"]), problem, FILE).rows[TARGET].tolist() == [0.0, 1.0, 0.0]


def test_a_regression_target_keeps_its_bounds() -> None:
    target = Target(column="outcome", minimum=0, maximum=10)
    raw = raw_table(outcome=replaced([str(row % 11) for row in range(200)], {3: "-0.1", 8: "10.1"}))
    cleaned = clean(raw, make_problem("regression", target=target), FILE)
    assert cleaned.quarantined["reason"].tolist() == ["outcome: the target is out of range"] * 2
    assert cleaned.rows[TARGET].agg(["min", "max"]).tolist() == [0.0, 10.0]


def test_every_kind_has_the_type_that_the_pipeline_is_fitted_on() -> None:
    codes = Feature(name="code", kind="category", levels=(3, 28), example=28)
    flag = Feature(name="flag", kind="boolean", nullable=True, example=None)
    count = Feature(name="count", kind="integer", minimum=0, maximum=9, nullable=True, example=None)
    raw = raw_table(4, code=["3", "28", "28.0", "3.0"], flag=["1", None, "false", "1"], count=["7", "7.0", None, "0"])
    rows = clean(raw, make_problem(features=(*FEATURES, codes, flag, count)), FILE).rows
    assert {name: str(dtype) for name, dtype in rows.dtypes.items()} == {
        KEY: "uint64", "age": "int64", "income": "float64", "region": "str", "insured": "bool",
        "code": "int64", "flag": "float64", "count": "float64", TARGET: "float64",
    }  # fmt: skip
    assert rows["code"].tolist() == [3, 28, 28, 3]
    np.testing.assert_array_equal(rows["flag"], [1.0, np.nan, 0.0, 1.0])
    np.testing.assert_array_equal(rows["count"], [7.0, 7.0, np.nan, 0.0])


@pytest.mark.parametrize("text", ["28", "28.0", "28.00", " 28", "2.8e1", "+28"])
def test_an_integer_is_read_however_it_is_written(text: str) -> None:
    assert one(text, Feature(name="age", kind="integer", minimum=0, maximum=120, example=1)).rows["age"][10] == 28
    levels = Feature(name="age", kind="category", levels=(1, 28), example=28)
    assert one(text, levels).rows["age"][10] == 28


@pytest.mark.parametrize("text", ["29", "28.5", "x", "true"])
def test_an_integer_level_that_is_not_listed_is_unknown(text: str) -> None:
    levels = Feature(name="age", kind="category", levels=(1, 28), example=28)
    assert one(text, levels).quarantined["reason"].tolist() == ["age: a level is unknown"]


@pytest.mark.parametrize("text", ["true", "True", "TRUE", " true ", "1", "1.0", "false", "False", "FALSE", "0", "0.0"])
def test_a_boolean_is_read_in_several_spellings(text: str) -> None:
    read = one(text, Feature(name="insured", kind="boolean", example=True)).rows["insured"][10]
    assert read == (text.strip().lower() in ("true", "1", "1.0"))


@pytest.mark.parametrize(
    "feature",
    [
        Feature(name="age", kind="integer", minimum=0, maximum=9, nullable=True, example=1),
        Feature(name="age", kind="number", minimum=0, maximum=9, nullable=True, example=1),
        Feature(name="age", kind="boolean", nullable=True, example=True),
        Feature(name="age", kind="category", levels=("north", "1"), nullable=True, example="1"),
    ],
    ids=lambda feature: feature.kind,
)
def test_a_missing_value_is_kept_where_the_schema_allows_it(feature: Feature) -> None:
    cleaned = one(None, feature)
    assert len(cleaned.quarantined) == 0
    assert cleaned.rows["age"].isna().tolist() == [row == 10 for row in range(200)]


def test_a_column_that_is_empty_throughout_is_kept_where_the_schema_allows_it() -> None:
    optional = Feature(name="insured", kind="boolean", nullable=True, example=None)
    cleaned = clean(raw_table(insured=[None] * 200), make_problem(features=(*FEATURES[:3], optional)), FILE)
    assert cleaned.rows["insured"].isna().all()


texts = st.sampled_from(["7", "7.0", "-1", "x", "", "121", "1e9", "inf", " 5 ", "true", "north", None, "0", "1", "2"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(texts, texts, texts, texts, texts), min_size=1, max_size=40),
    st.sampled_from(["refuse", "exclude"]),
)
def test_no_row_is_lost_and_none_is_kept_that_the_schema_refuses(
    rows: list[tuple[str | None, ...]], missing: Any
) -> None:
    # Two good rows more, so that both classes are there whatever the others are.
    good = [("7", "7", "north", "1", "0"), ("7", "7", "north", "1", "1")]
    names = ("age", "income", "region", "insured", "outcome")
    columns = dict(zip(names, zip(*good, *rows, strict=True), strict=True))
    problem = make_problem(target=Target(column="outcome", missing=missing), bad_rows=0.99)
    cleaned = clean(raw_table(len(rows) + 2, **columns), problem, FILE)
    assert len(cleaned.rows) + len(cleaned.quarantined) + cleaned.excluded == len(rows) + 2
    assert all(cleaned.quarantined["reason"])
    assert cleaned.rows[KEY].is_unique
    for feature in problem.features:
        values = [None if value != value else value for value in cleaned.rows[feature.name].tolist()]
        assert all(feature.accepts(value) for value in values)
