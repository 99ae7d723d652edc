"""Faults on request."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from twin.emulator.rule_book import RuleBook


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rules(clock: Clock) -> RuleBook:
    book = RuleBook(clock)
    book.begin("s3", status=503, code="SlowDown", seconds=10)
    return book


def test_a_fault_meets_its_service_until_its_time_is_over_and_tells_its_hits_after_it(
    rules: RuleBook, clock: Clock
) -> None:
    assert rules.strike("dynamodb", "POST") is None
    assert rules.strike("s3", "GET")
    clock.now += 9.9
    assert rules.strike("s3", "PUT")
    clock.now += 0.1
    assert rules.strike("s3", "PUT") is None

    assert [rules.told(fault) for fault in rules.begun()] == [
        {"service": "s3", "status": 503, "code": "SlowDown", "hits": 2, "seconds": 0.0}
    ]


def test_a_fault_of_some_methods_lets_the_others_pass(rules: RuleBook) -> None:
    rules.begin("s3", status=500, code="InternalError", seconds=10, methods=["put"])

    assert rules.strike("s3", "GET") is None
    assert rules.strike("s3", "PUT")


def test_s3_words_its_errors_as_xml(rules: RuleBook) -> None:
    fault = rules.begun()[0]

    kind, body = fault.answer("/bucket/a<b>&")
    error = ET.fromstring(body)  # noqa: S314  # our own

    assert kind == "application/xml"
    assert (error.tag, error.findtext("Code"), error.findtext("Resource")) == ("Error", "SlowDown", "/bucket/a<b>&")
    assert fault.answer("/bucket", head=True)[1] == b""
