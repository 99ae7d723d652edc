"""A link opens the report of its execution and nothing else, and no answer lets a browser do more than show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from functions.report import handler
from functions.report.page import ABSENT, MOST, TOO_LARGE, key_of
from tests.support.aws import simulated_aws

EVENT: dict[str, Any] = json.loads((Path(__file__).parent / "events" / "function_url.json").read_text())
ID = "6f1b7a0e-3c2d-4b59-9d43-0a1c5e8f7b21"
KEY = f"reports/flights/{ID}/report.html"
PAGE = "<!doctype html><html><body>Größe: 3 µs</body></html>"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with simulated_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="artifacts")
        client.put_object(Bucket="artifacts", Key=KEY, Body=PAGE.encode())
        client.put_object(Bucket="artifacts", Key=f"reports/flights/{ID}/decision.json", Body=b"{}")
        client.put_object(Bucket="artifacts", Key="mlflow/flights/1/model.onnx", Body=b"secret")
        monkeypatch.setattr(handler, "_client", lambda: client)
        monkeypatch.setenv(handler.BUCKET, "artifacts")
        yield client


def asked(path: str, method: str = "GET") -> dict[str, Any]:
    event = json.loads(json.dumps(EVENT))
    event["rawPath"] = path
    event["requestContext"]["http"] |= {"method": method, "path": path}
    return handler.handle(event, None)  # type: ignore[arg-type]


def test_the_link_opens_the_page_as_it_was_written(s3: Any) -> None:
    answer = asked(f"/flights/{ID}")
    assert (answer["statusCode"], answer["body"]) == (200, PAGE)
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"


def test_who_asks_for_the_head_gets_no_body(s3: Any) -> None:
    answer = asked(f"/flights/{ID}", "HEAD")
    assert (answer["statusCode"], answer["body"]) == (200, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_nothing_but_reading_is_answered(s3: Any, method: str) -> None:
    assert asked(f"/flights/{ID}", method)["statusCode"] == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/favicon.ico", "/flights", "/flights/", f"/flights/{ID}/", f"//flights/{ID}", f"/flights/{ID}\n"),
        *(f"/flights/{ID}/report.html", f"/flights/{ID}/decision.json", f"/Flights/{ID}", f"/flights/{ID.upper()}"),
        *(f"/flights/../flights/{ID}", f"/flights%2F{ID}", f"/../mlflow/flights/{ID}", "/mlflow/flights/1/model.onnx"),
        *(f"/{'f' * 32}/{ID}", "/flights/6f1b7a0e", "/flights/latest", f"/flights/{ID}?versionId=1", f"/flíghts/{ID}"),
    ],
)
def test_every_other_address_is_one_plain_sentence(s3: Any, path: str) -> None:
    answer = asked(path)
    assert (answer["statusCode"], answer["body"]) == (404, ABSENT)
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert key_of("GET", path) is None


def test_a_report_that_is_not_there_or_was_taken_away_is_the_same_sentence(s3: Any) -> None:
    never = asked(f"/flights/{ID[:-1]}0")
    s3.delete_object(Bucket="artifacts", Key=KEY)
    assert asked(f"/flights/{ID}") == never
    assert (never["statusCode"], never["body"]) == (404, ABSENT)


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchKey", 404)])
def test_s3_tells_those_who_may_not_list_of_a_missing_object_that_it_is_denied(code: str, status: int) -> None:
    with simulated_aws(), Stubber(boto3.client("s3")) as stubber:
        stubber.add_client_error("get_object", code, http_status_code=status)
        assert handler.answer(stubber.client, "artifacts", "GET", f"/flights/{ID}")["statusCode"] == 404


def test_an_s3_that_fails_fails_the_function_so_that_its_alarm_counts() -> None:
    with simulated_aws(), Stubber(boto3.client("s3")) as stubber:
        stubber.add_client_error("get_object", "InternalError", http_status_code=500)
        with pytest.raises(ClientError):
            handler.answer(stubber.client, "artifacts", "GET", f"/flights/{ID}")


def test_a_page_that_no_function_could_send_is_told_of(s3: Any) -> None:
    s3.put_object(Bucket="artifacts", Key=KEY, Body=b"x" * (MOST + 1))
    answer = asked(f"/flights/{ID}")
    assert (answer["statusCode"], answer["body"]) == (413, TOO_LARGE)


@pytest.mark.parametrize("path", [f"/flights/{ID}", "/nothing"])
def test_a_browser_keeps_nothing_loads_nothing_runs_nothing_and_tells_nobody_the_link(s3: Any, path: str) -> None:
    headers = asked(path)["headers"]
    policy = dict(each.strip().partition(" ")[::2] for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
