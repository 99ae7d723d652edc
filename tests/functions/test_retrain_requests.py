from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from functions.retrain.decision import Request
from functions.retrain.objects import LONGEST, location, refusal
from functions.retrain.requests import Ended, Refused, Tick, UnknownEventError, read
from tests.support.retraining import event

PROBLEMS = ("flights", "insurance")


def one(recorded: dict[str, Any]) -> Any:
    (asked,) = read(recorded, "raw-bucket", PROBLEMS)
    return asked


def test_a_new_object_asks_for_a_run_on_its_very_version() -> None:
    asked = one(event("object_created"))
    assert (asked.problem, asked.cause) == ("flights", "data")
    assert asked.data == "s3://raw-bucket/flights/2013-06.csv?versionId=IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"


def test_a_key_with_spaces_signs_and_accents_comes_back_whole_from_the_address() -> None:
    recorded = event("object_created_odd_key")
    asked = one(recorded)
    parts = urlsplit(asked.data)
    assert unquote(parts.path[1:]) == recorded["detail"]["object"]["key"]
    assert re.fullmatch(r"[\x21-\x7e]+", asked.data)
    assert "#{" not in asked.data


def test_without_versions_the_address_names_the_object_and_another_upload_is_another_event() -> None:
    first = one(event("object_created_unversioned"))
    again = one(event("object_created_unversioned"))
    second = one(event("object_created_unversioned", sequencer="0062E99A88DC407461"))
    assert first.data == "s3://raw-bucket/flights/2013-07.csv"
    assert first.id == again.id != second.id


def test_another_delivery_of_one_upload_is_the_same_request_under_another_event_id() -> None:
    assert one(event("object_created")).id == one({**event("object_created"), "id": "another"}).id


def test_two_versions_of_one_key_are_two_requests() -> None:
    assert one(event("object_created")).id != one(event("object_created", **{"version-id": "other"})).id


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("folder_marker", {}, "folder marker"),
        ("object_created_empty", {}, "empty object"),
        ("object_deleted", {}, "not a creation"),
        ("object_created", {"key": "weather/2013.csv"}, "unknown problem"),
        ("object_created", {"key": "flights"}, "unknown problem"),
        ("object_created", {"key": "flights.csv"}, "unknown problem"),
        ("object_created", {"key": "/flights/2013.csv"}, "unknown problem"),
        ("object_created", {"key": "dvc/files/md5/ab/cdef"}, "written by the pipeline"),
        ("object_created", {"key": "flights/reports/report.html"}, "written by the pipeline"),
        ("object_created", {"key": "capture/flights/dt=2026-11-21/hour=12/a.jsonl.gz"}, "written by the pipeline"),
        ("object_created", {"key": "flights/_temporary/part-0"}, "written by the pipeline"),
        ("object_created", {"key": "flights/.2013.csv.swp"}, "written by the pipeline"),
        ("object_created", {"key": "flights/" + "é" * 500}, "name too long"),
    ],
)
def test_what_is_no_new_data_is_refused_with_its_reason(name: str, changes: dict[str, Any], reason: str) -> None:
    refused = one(event(name, **changes))
    assert isinstance(refused, Refused)
    assert refused.reason == reason


def test_another_bucket_is_refused() -> None:
    recorded = event("object_created")
    recorded["detail"]["bucket"]["name"] = "capture-bucket"
    assert one(recorded) == Refused("flights", "another bucket", "capture-bucket/flights/2013-06.csv")


def test_the_clock_asks_for_every_problem_each_with_an_id_of_its_own() -> None:
    asked = read(event("schedule"), "raw-bucket", PROBLEMS)
    assert [(one.problem, one.data) for one in asked if isinstance(one, Request)] == [
        ("flights", "latest"),
        ("insurance", "latest"),
    ]
    assert len({one.id for one in asked if isinstance(one, Request)}) == 2


def test_drift_asks_for_the_problem_that_drifted_and_says_how_far() -> None:
    asked = one(event("drift_alarm"))
    assert (asked.problem, asked.cause, asked.data) == ("flights", "drift", "latest")
    assert "0.3142" in asked.reason


def test_an_alarm_that_ends_asks_for_nothing() -> None:
    recorded = event("drift_alarm")
    recorded["detail"]["state"]["value"] = "OK"
    assert one(recorded).reason == "not an alarm"


def test_an_alarm_on_something_else_is_refused() -> None:
    recorded = event("drift_alarm")
    recorded["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"] = {"InstanceId": "i-1"}
    assert one(recorded).reason == "unknown problem"


@pytest.mark.parametrize("name", ["stage_succeeded", "execution_failed"])
def test_the_end_of_a_stage_or_of_an_execution_names_the_execution(name: str) -> None:
    assert one(event(name)) == Ended("12345678-1234-5678-abcd-12345678abcd")


@pytest.mark.parametrize("state", ["STARTED", "RESUMED", "STOPPING"])
def test_a_run_that_goes_on_has_not_ended(state: str) -> None:
    recorded = event("stage_succeeded")
    recorded["detail"]["state"] = state
    assert read(recorded, "raw-bucket", PROBLEMS) == []


def test_a_tick_is_a_tick() -> None:
    assert one({"source": "evergreen.retrain", "detail-type": "Tick"}) == Tick()


def test_an_event_of_no_rule_is_an_error_so_that_someone_looks() -> None:
    with pytest.raises(UnknownEventError, match="GuardDuty"):
        one({"source": "aws.guardduty", "detail-type": "GuardDuty Finding"})


def test_an_event_that_lacks_its_object_is_an_error_too() -> None:
    recorded = event("object_created")
    del recorded["detail"]["object"]
    with pytest.raises(ValidationError):
        one(recorded)


def test_sequencers_of_different_lengths_compare_as_s3_says() -> None:
    short, long = (
        one(event("object_created", sequencer=text)).sequencer for text in ("0055AED6DCD9", "0055aed6dcd901")
    )
    assert short < long


@given(st.text(min_size=1, max_size=200), st.one_of(st.none(), st.text(min_size=1, max_size=100)))
def test_any_key_that_is_not_refused_fits_a_pipeline_variable(key: str, version: str | None) -> None:
    key = f"flights/{key}".encode("utf-8", "ignore").decode()
    version = version and version.encode("utf-8", "ignore").decode()
    if refusal(key, 1, PROBLEMS) is None and len(version or "") <= 10:
        address = location("raw-bucket", key, version)
        assert len(address) <= LONGEST
        assert re.fullmatch(r"[\x21-\x7e]+", address)


@given(st.text(max_size=400))
def test_a_reason_is_one_harmless_line_of_at_most_200_characters(text: str) -> None:
    recorded = event("drift_alarm")
    recorded["detail"]["state"]["reason"] = text
    assert re.fullmatch(r"[A-Za-z0-9 .,:/_=()+-]{1,200}", one(recorded).reason)
