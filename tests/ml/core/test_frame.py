"""Rows as a client sends them and the frame that the pipeline is fitted on are two sides of one thing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.core.frame import columns_of, digest_of, frame_of, rounded, rows_of
from service.schema import Feature, Value
from tests.support.problems import FEATURES, make_problem
from tests.support.tables import clean_frame

PROBLEM = make_problem(
    features=(
        *FEATURES,
        Feature(name="code", kind="category", levels=(3, 28), example=28),
        Feature(name="flag", kind="boolean", nullable=True, example=None),
        Feature(name="count", kind="integer", minimum=0, maximum=9, nullable=True, example=None),
    )
)
ROWS: list[dict[str, Value]] = [
    {"age": 40, "income": 1.5, "region": "north", "insured": True, "code": 28, "flag": None, "count": None},
    {"age": 0, "income": None, "region": None, "insured": False, "code": 3, "flag": True, "count": 9},
    {"age": 7, "income": 2, "region": "west", "insured": False, "code": 3, "flag": False, "count": 0},
]


def test_rows_survive_the_way_into_a_frame_and_back() -> None:
    back = rows_of(PROBLEM, frame_of(PROBLEM, ROWS))
    assert back == ROWS
    kinds = [{name: type(value) for name, value in row.items()} for row in back]
    assert kinds[1] == {
        "age": int, "income": type(None), "region": type(None), "insured": bool, "code": int,
        "flag": bool, "count": int,
    }  # fmt: skip


def test_rows_of_a_client_have_the_types_of_clean_rows() -> None:
    clean = clean_frame(PROBLEM, 50)[PROBLEM.feature_names]
    assert frame_of(PROBLEM, ROWS).dtypes.to_dict() == clean.dtypes.to_dict()
    pd.testing.assert_frame_equal(frame_of(PROBLEM, rows_of(PROBLEM, clean)), clean)


def test_columns_are_arrays_of_all_features() -> None:
    columns = columns_of(PROBLEM, frame_of(PROBLEM, ROWS))
    assert list(columns) == PROBLEM.feature_names
    assert all(isinstance(column, np.ndarray) and len(column) == 3 for column in columns.values())


def test_the_digest_of_a_table_changes_with_any_value_name_or_order() -> None:
    frame = frame_of(PROBLEM, ROWS)
    digest = digest_of(frame)
    assert digest == digest_of(frame_of(PROBLEM, ROWS))
    others = [
        frame_of(PROBLEM, [*ROWS[:2], ROWS[2] | {"income": 2.0000000000000004}]),
        frame_of(PROBLEM, [*ROWS[:2], ROWS[2] | {"region": "south"}]),
        frame_of(PROBLEM, [*ROWS[:2], ROWS[2] | {"region": None}]),
        frame_of(PROBLEM, ROWS[::-1]),
        frame_of(PROBLEM, ROWS[:2]),
        frame.rename(columns={"age": "years"}),
    ]
    assert digest not in [digest_of(other) for other in others]
    assert len({digest_of(other) for other in others}) == len(others)


def test_rounding_keeps_ten_digits_of_every_float_and_touches_nothing_else() -> None:
    given = {"a": [1 / 3, 2, "x", None, True, (1e-20 / 3,)], "b": {"c": 123456789.123456}}
    assert rounded(given) == {
        "a": [0.3333333333, 2, "x", None, True, [3.333333333e-21]],
        "b": {"c": 123456789.1},
    }
