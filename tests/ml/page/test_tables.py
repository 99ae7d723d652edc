"""What the page's tables say of single numbers."""

from __future__ import annotations

from datetime import UTC, datetime

from ml.core.record import ChangedRow, Driver
from ml.page import tables
from tests.support.decisions import make_decision, make_regression

REGRESSION = make_regression().model_copy(update={"output": {"unit": "kg"}})


def changed(champion: float, challenger: float) -> ChangedRow:
    return ChangedRow(
        request_id="r", index=0, time=datetime(2026, 11, 1, tzinfo=UTC), features={}, champion=champion,
        challenger=challenger,
    )  # fmt: skip


def test_a_small_difference_from_nothing_keeps_its_digits() -> None:
    assert tables.moved(changed(0.0, 0.0123), REGRESSION) == "+0.01230 kg"
    assert tables.moved(changed(1234.0, 1240.0), REGRESSION) == "+6 kg"
    driver = Driver(feature="rooms", value=3.0, challenger=0.0, champion=0.0123)
    assert tables.driver(driver, REGRESSION) == "rooms = 3: 0.00000 (champion +0.01230)"


def test_a_driver_whose_value_is_withheld_says_so() -> None:
    driver = Driver(feature="age", value=None, challenger=0.25, champion=0.1, withheld=True)
    assert tables.driver(driver, make_decision()) == "age (withheld): +0.250 (champion +0.100)"
