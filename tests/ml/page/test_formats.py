"""Numbers as the page writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ml.core.bootstrap import Interval
from ml.page import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.74123, "0.7412"),
        (0.001, "0.001"),
        (-0.00213, "\N{MINUS SIGN}0.00213"),
        (12.0, "12"),
        (123.456, "123.5"),
        (45979.6, "45,980"),
        (-1234.4, "\N{MINUS SIGN}1,234"),
        (2.2e-16, "2.2e\N{MINUS SIGN}16"),
        (1.0, "1"),
        (999.96, "1,000"),
    ],
)
def test_a_number_has_four_significant_digits(value: float, text: str) -> None:
    assert formats.number(value) == text


def test_an_interval_s_width_says_how_many_decimals_are_meant() -> None:
    assert formats.between(Interval(value=0.741234, low=0.73181, high=0.75062)) == "0.7412 (0.7318 to 0.7506)"
    assert formats.between(Interval(value=45979.6, low=44210.2, high=47810.9)) == "45,980 (44,210 to 47,811)"
    assert (
        formats.between(Interval(value=-0.1, low=-0.3, high=0.2), sign=True)
        == "\N{MINUS SIGN}0.10 (\N{MINUS SIGN}0.30 to +0.20)"
    )
    assert formats.between(Interval(value=0.5, low=0.5, high=0.5)) == "0.5000 (0.5000 to 0.5000)"


def test_a_share_that_is_not_nothing_or_not_all_is_not_shown_as_that() -> None:
    assert formats.percent(0.0) == "0 %"
    assert formats.percent(0.00002) == "below 0.1 %"
    assert formats.percent(0.99996) == "above 99.9 %"
    assert formats.percent(1.0) == "100 %"
    assert formats.percent(0.0424) == "4.2 %"
    assert formats.percent(0.1234, 0) == "12 %"


def test_a_small_chance_has_a_bound() -> None:
    assert formats.chance(0.0002) == "below 0.001"
    assert formats.chance(0.0312) == "0.031"
    assert formats.chance(1.0) == "1"


def test_nothing_has_no_sign() -> None:
    assert formats.signed(-0.00001, 3) == "0.000"
    assert formats.signed(0.0042, 4) == "+0.0042"


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (9500.0, "9,500"), (20000.0, "20k"), (1.5e6, "1.5M")])
def test_axes_are_short(value: float, text: str) -> None:
    assert formats.compact(value) == text


def test_times_are_told_in_utc() -> None:
    assert formats.moment(datetime(2026, 11, 1, 9, 5, tzinfo=UTC)) == "1 November 2026, 09:05 UTC"
    assert formats.moment(datetime(2026, 11, 1, 0, 5, tzinfo=timezone(timedelta(hours=2)))) == (
        "31 October 2026, 22:05 UTC"
    )


def test_the_record_s_own_value_stands_behind_a_number() -> None:
    assert formats.data(0.1 + 0.2, "0.3") == '<data value="0.30000000000000004">0.3</data>'
