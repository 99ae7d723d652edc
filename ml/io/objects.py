"""Tables and reports in S3: an exact version of an object, or the newest, as a file here; and back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from ml.errors import UserError
from ml.io.log import event

SCHEME = "s3://"
LATEST = "latest"
RAW_BUCKET = "EVERGREEN_RAW_BUCKET"
VERSION = "?versionId="
DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled", "Forbidden"})
ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "405", "MethodNotAllowed"})


@dataclass(frozen=True)
class Address:
    """`s3://BUCKET/KEY?versionId=VERSION`, percent-encoded as events name it; what needs no code may go without."""

    bucket: str
    key: str
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises UserError for a text without a bucket."""
        location, found, version = text.removeprefix(SCHEME).partition(VERSION)
        bucket, _, key = location.partition("/")
        if not bucket or (found and not version):
            raise UserError(f"{text!r} is no object: write s3://BUCKET/KEY, or s3://BUCKET/KEY?versionId=VERSION")
        return cls(bucket, unquote(key), unquote(version) or None)

    def __str__(self) -> str:
        version = f"{VERSION}{quote(self.version, safe='')}" if self.version else ""
        return f"{SCHEME}{self.bucket}/{quote(self.key)}{version}"


@dataclass(frozen=True)
class Found:
    """What `--data` means on this disk. `label` names an object's exact version; `nothing` lay where it was looked."""

    data: str | None
    label: str | None = None
    nothing: bool = False


@contextmanager
def fetched(data: str | None, problem: str) -> Iterator[Found]:
    """The data as a local file, for as long as the block lasts; what is not in S3 is passed on as it is.

    `s3://BUCKET/FOLDER/` is the newest object below it and `latest` the newest of the problem in the bucket where data
    arrives, which may have none. Raises UserError with one sentence for what is absent or may not be read.
    """
    if data != LATEST and not (data or "").startswith(SCHEME):
        yield Found(data)
        return
    asked = _folder_of(problem) if data == LATEST else Address.parse(data or "")
    address = _newest(asked) if asked.key.endswith("/") or not asked.key else asked
    if address is None:
        if data != LATEST:
            raise UserError(f"{asked}: there is no object below it")
        event("no data", problem=problem, looked=asked, uses="what the problem itself names")
        yield Found(None, nothing=True)
        return
    with tempfile.TemporaryDirectory(prefix="evergreen-") as folder:
        path = Path(folder) / f"table{''.join(PurePosixPath(address.key).suffixes[-2:])}"
        exact = _download(address, path)
        event("fetched", problem=problem, source=exact, bytes=path.stat().st_size)
        yield Found(str(path), label=str(exact))


def upload(address: Address, content: bytes, content_type: str) -> None:
    """Raises UserError in one sentence."""
    with failures(address):
        _client().put_object(Bucket=address.bucket, Key=address.key, Body=content, ContentType=content_type)


def _folder_of(problem: str) -> Address:
    bucket = os.environ.get(RAW_BUCKET)
    if not bucket:
        raise UserError(f"the latest data lies in no place that is known here; set {RAW_BUCKET} to the bucket's name")
    return Address(bucket, f"{problem}/")


def _newest(folder: Address) -> Address | None:
    """The youngest object that holds anything: the markers that stand for folders do not."""
    with failures(folder):
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key)
        objects = [each for page in pages for each in page.get("Contents", []) if each["Size"]]
    if not objects:
        return None
    youngest = max(objects, key=lambda each: (each["LastModified"], each["Key"]))
    return Address(folder.bucket, youngest["Key"])


def _download(address: Address, path: Path) -> Address:
    """The address with the version that was really read."""
    wanted = {"VersionId": address.version} if address.version else {}
    with failures(address):
        answer = _client().get_object(Bucket=address.bucket, Key=address.key, **wanted)
        with answer["Body"] as body, path.open("wb") as file:
            shutil.copyfileobj(body, file)
    return Address(address.bucket, address.key, answer.get("VersionId"))


@contextmanager
def failures(address: Address) -> Iterator[None]:
    """What S3 refuses in the block becomes a UserError in one sentence."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in DENIED:
            raise UserError(
                f"{address}: access is denied; it may not be used from here, or it does not exist"
            ) from error
        if code in ABSENT:
            raise UserError(f"{address}: there is no such object ({code})") from error
        raise UserError(f"{address}: {error.response['Error'].get('Message') or code}") from error
    except (BotoCoreError, OSError) as error:
        raise UserError(f"{address}: {' '.join(str(error).split())}") from error


def _client() -> Any:
    import boto3

    return boto3.client("s3")
