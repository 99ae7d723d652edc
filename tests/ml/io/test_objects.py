"""Data in S3: the exact version is read and named, the newest is found, and what fails is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ml.errors import UserError
from ml.io.objects import Address, fetched, upload
from tests.support.servers import S3

BUCKET = "raw-data"
FORM = "write s3://BUCKET/KEY, or s3://BUCKET/KEY?versionId=VERSION"


@pytest.fixture(scope="module")
def bucket(s3: S3) -> Iterator[Any]:
    """A versioned bucket, and the environment in which boto3 finds it."""
    client = s3.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        yield client


def put(client: Any, key: str, content: bytes = b"a\n1\n") -> str:
    return str(client.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"])


def content(data: str) -> tuple[bytes, str | None]:
    with fetched(data, "flights") as found:
        assert found.data is not None
        return Path(found.data).read_bytes(), found.label


def test_what_is_not_in_s3_is_passed_on() -> None:
    for data in (None, "table.csv", "synthetic:500"):
        with fetched(data, "flights") as found:
            assert (found.data, found.label, found.nothing) == (data, None, False)


def test_an_exact_version_is_read_and_named_although_a_newer_one_exists(bucket: Any) -> None:
    key = "exact/a name, with ünïcode & 100%?.csv"
    old = put(bucket, key, b"old")
    new = put(bucket, key, b"new")
    named = f"s3://{BUCKET}/{quote(key)}"
    assert content(f"{named}?versionId={old}") == (b"old", f"{named}?versionId={old}")
    assert content(named) == content(f"s3://{BUCKET}/{key}") == (b"new", f"{named}?versionId={new}")


def test_the_newest_object_of_a_folder_is_found_past_markers_and_the_first_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def listed(key: str, hour: int, size: int = 4) -> dict[str, Any]:
        return {"Key": key, "LastModified": datetime(2026, 3, 1, hour, tzinfo=UTC), "Size": size}

    class Pages:
        def get_paginator(self, _: str) -> Pages:
            return self

        def paginate(self, **asked: str) -> list[Any]:
            assert asked == {"Bucket": "b", "Prefix": "many/"}
            first = [listed("many/1.csv", 9), listed("many/later/", 12, size=0)]
            return [{"Contents": first}, {"Contents": [listed("many/0.csv", 11)]}, {}]

        def get_object(self, **asked: str) -> Any:
            assert asked == {"Bucket": "b", "Key": "many/0.csv"}
            return {"Body": BytesIO(b"newest"), "VersionId": "v7"}

    monkeypatch.setattr("ml.io.objects._client", Pages)
    assert content("s3://b/many/") == (b"newest", "s3://b/many/0.csv?versionId=v7")


def test_latest_looks_below_the_problem_in_the_bucket_where_data_arrives(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_RAW_BUCKET", BUCKET)
    put(bucket, "flightsure/other.csv")
    with fetched("latest", "flights") as found:
        assert (found.data, found.nothing) == (None, True)
    version = put(bucket, "flights/2013-04.csv.gz", b"april")
    assert content("latest") == (b"april", f"s3://{BUCKET}/flights/2013-04.csv.gz?versionId={version}")


def test_the_suffix_by_which_a_table_is_unpacked_is_kept_and_nothing_else_of_the_name(bucket: Any) -> None:
    for key, name in {"odd/2013.04.csv.gz": "table.csv.gz", "odd/..": "table", "odd/-rf x.zip": "table.zip"}.items():
        put(bucket, key)
        with fetched(f"s3://{BUCKET}/{key}", "flights") as found:
            assert Path(found.data or "").name == name
        assert not Path(found.data or "").exists()


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"s3://{BUCKET}/no.csv", f"s3://{BUCKET}/no.csv: there is no such object (NoSuchKey)"),
        ("s3://no-such-bucket/a.csv", "s3://no-such-bucket/a.csv: there is no such object (NoSuchBucket)"),
        (f"s3://{BUCKET}/none/", f"s3://{BUCKET}/none/: there is no object below it"),
        ("s3://", f"'s3://' is no object: {FORM}"),
        ("s3://b/a?versionId=", f"'s3://b/a?versionId=' is no object: {FORM}"),
        (
            "latest",
            "the latest data lies in no place that is known here; set EVERGREEN_RAW_BUCKET to the bucket's name",
        ),
    ],
)
def test_what_cannot_be_read_is_a_sentence(data: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVERGREEN_RAW_BUCKET", raising=False)
    with pytest.raises(UserError) as refused, fetched(data, "flights"):
        pass
    assert str(refused.value) == said


@pytest.mark.parametrize("code", ["AccessDenied", "403"])
def test_denied_access_is_told_from_an_absent_object(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    class Denying:
        def get_object(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "Forbidden"}}, "GetObject")

    monkeypatch.setattr("ml.io.objects._client", Denying)
    with pytest.raises(UserError, match=r"^s3://b/k\.csv: access is denied; "), fetched("s3://b/k.csv", "flights"):
        pass


def test_a_store_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from botocore.config import Config

    config = Config(retries={"max_attempts": 0}, connect_timeout=1)
    nobody = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1", config=config,
        aws_access_key_id="testing", aws_secret_access_key="testing",
    )  # fmt: skip
    monkeypatch.setattr("ml.io.objects._client", lambda: nobody)
    with pytest.raises(UserError, match=r"^s3://b/k\.csv: Could not connect"), fetched("s3://b/k.csv", "flights"):
        pass


def test_an_upload_says_what_it_is(bucket: Any) -> None:
    upload(Address.parse(f"s3://{BUCKET}/reports/1/report.html"), b"<p>", "text/html")
    kept = bucket.get_object(Bucket=BUCKET, Key="reports/1/report.html")
    assert (kept["Body"].read(), kept["ContentType"]) == (b"<p>", "text/html")
