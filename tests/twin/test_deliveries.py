"""What AWS does with an event that nobody could handle."""

from __future__ import annotations

import json

import pytest

from twin.emulator import dead_letters
from twin.emulator.dead_letters import Patience

EVENT = {"source": "aws.s3", "detail": {"object": {"key": "flights/ä.csv"}}}
TEMPLATE = Patience.of({"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600})


def test_a_function_that_fails_is_tried_after_one_minute_and_after_two_more() -> None:
    assert TEMPLATE.pause(1, 0, 0.1) == 1.0
    assert TEMPLATE.pause(2, 0, 1.2) == 2.0
    assert TEMPLATE.pause(3, 0, 3.3) is None


def test_without_settings_the_defaults_of_lambda_hold() -> None:
    assert Patience.of(None) == Patience(retries=2, minutes=360.0)
    assert Patience.of({"MaximumRetryAttempts": 0}).pause(1, 0, 0.0) is None


def test_an_event_for_which_there_is_no_room_is_no_failure() -> None:
    pauses = [TEMPLATE.pause(0, refusals, 1.0) for refusals in range(1, 20)]
    assert all(pause is not None for pause in pauses)
    assert pauses == sorted(pauses, key=lambda pause: pause or 0)
    assert pauses[-1] == 5.0


def test_an_event_that_would_be_too_old_is_given_up() -> None:
    assert Patience.of({"MaximumEventAgeInSeconds": 60}).pause(1, 0, 0.5) is None
    assert TEMPLATE.pause(0, 3, 360.0) is None


def test_lambdas_letter_is_the_event_as_it_came() -> None:
    letter = dead_letters.of_a_function(EVENT, request="r-1", code="200", error="it failed")
    assert json.loads(letter.body) == EVENT
    assert letter.message_attributes == {
        "RequestID": {"DataType": "String", "StringValue": "r-1"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "it failed"},
    }


def test_eventbridges_letter_names_the_rule_and_the_target() -> None:
    letter = dead_letters.of_a_rule(EVENT, rule="rule", target="target", code="NO_PERMISSIONS", error="no")
    assert json.loads(letter.body) == EVENT
    assert {name: one["StringValue"] for name, one in letter.message_attributes.items()} == {
        "RULE_ARN": "rule",
        "TARGET_ARN": "target",
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "no",
    }


@pytest.mark.parametrize("error", ["", "é" * 5000])
def test_sqs_takes_any_message_of_an_error(error: str) -> None:
    """An attribute is never empty, and this one is cut between two characters."""
    attributes = dead_letters.of_a_function(EVENT, request="r", code="200", error=error).message_attributes
    assert all(0 < len(one["StringValue"].encode()) <= dead_letters.LONGEST_MESSAGE for one in attributes.values())
