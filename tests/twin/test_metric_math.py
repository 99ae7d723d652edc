"""Metric math as CloudWatch has it, as far as the alarms here use it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.emulator.metric_math import Expression, MathError

ERRORS = "100 * (FILL(failed, 0) + FILL(refused, 0)) / (FILL(asked, 0) + FILL(refused, 0))"
NUMBERS = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
VALUES = st.none() | NUMBERS


@pytest.mark.parametrize(
    ("asked", "failed", "refused", "percent"),
    [
        (100.0, 5.0, None, 5.0),
        (100.0, None, None, 0.0),
        (None, None, 7.0, 100.0),
        (90.0, 3.0, 10.0, 13.0),
        (None, None, None, None),
        (0.0, 0.0, 0.0, None),
    ],
)
def test_the_share_of_errors(
    asked: float | None, failed: float | None, refused: float | None, percent: float | None
) -> None:
    metrics = {"asked": asked, "failed": failed, "refused": refused}
    assert Expression.parse(ERRORS).value(metrics) == percent


def test_every_expression_of_the_stacks_is_known() -> None:
    sources = "".join(path.read_text() for path in Path("stacks").rglob("*.py"))
    found = re.findall(r'MathExpression\(\s*expression=f?"([^"]+)"', sources)
    assert any("FILL(refused, 0)" in text for text in found)
    for text in found:
        Expression.parse(re.sub(r"\{[A-Z]+\}", "1", text))


@given(VALUES, VALUES, NUMBERS)
def test_no_data_stays_no_data_unless_it_is_filled(left: float | None, right: float | None, filling: float) -> None:
    metrics = {"left": left, "right": right}
    total = Expression.parse("left + right").value(metrics)
    filled = Expression.parse(f"FILL(left, {filling!r}) + FILL(right, {filling!r})").value(metrics)
    assert (total is None) == (left is None or right is None)
    assert filled == pytest.approx((filling if left is None else left) + (filling if right is None else right))


@st.composite
def formulas(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "FILL(a, 0)", "2", "-3.5"]))
    operation = draw(st.sampled_from("+-*/"))
    return f"({draw(formulas(depth - 1))} {operation} {draw(formulas(depth - 1))})"


@given(formulas(), VALUES, VALUES)
def test_it_counts_as_python_does_and_has_no_data_where_python_fails(
    text: str, a: float | None, b: float | None
) -> None:
    def fill(value: float | None, filling: float) -> float:
        return filling if value is None else value

    try:
        expected = eval(text, {"a": a, "b": b, "FILL": fill})  # noqa: S307  # made of the five pieces above
    except (TypeError, ZeroDivisionError):
        expected = None
    found = Expression.parse(text).value({"a": a, "b": b})
    if found is None or expected is None:
        # A part without data makes no data even where Python would not look at it: it always looks.
        assert found is None
        assert expected is None or abs(expected) == float("inf")
    else:
        assert found == pytest.approx(expected)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = Expression.parse(text)
    except MathError:
        return
    expression.value(dict.fromkeys(expression.names, 1.0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "__import__('os')",
        "a.b",
        "a[0]",
        "a ** 2",
        "SUM(METRICS())",
        "FILL(a, b)",
        "FILL(a)",
        "FILL(a, REPEAT)",
        "IF(a, b, 0)",
        "Upper + 1",
        "True",
        "'text'",
        "lambda: 1",
        "(" * 500 + "a" + ")" * 500,
        "a" * 2000,
    ],
)
def test_what_is_unknown_is_refused(text: str) -> None:
    with pytest.raises(MathError):
        Expression.parse(text)


def names_of(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in Expression.parse(text).names}


def test_it_knows_what_it_reads() -> None:
    assert names_of([ERRORS, "getitem + putitem"]) == {"failed", "refused", "asked", "getitem", "putitem"}
