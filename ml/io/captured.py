"""Captured rows read back, newest first: from the folder where the service keeps them and from S3."""

from __future__ import annotations

import heapq
import re
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from pydantic import AwareDatetime, BaseModel, ValidationError

from ml.core.replay import CapturedRow
from ml.errors import UserError
from ml.io.objects import Address, failures
from service.schema import Value

PREFIX = "capture"
MOST_FILES = 5_000
"""That a look for the last rows opens: a service that answers little writes many small ones."""
AT_ONCE = 16
_NAME = re.compile(r"[0-9a-f]{12}-(\d{8}T\d{6}Z)-\d+-(\d+)\.jsonl\.gz")
_PROBLEM = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_PIECE = 64 * 1024
_GZIP = 31


@dataclass(frozen=True)
class Found:
    """Rows, newest first, and how many more the files should have held: they were cut off or damaged."""

    rows: tuple[CapturedRow, ...]
    lost: int


@dataclass(frozen=True)
class Answered:
    """The rows of one request in the order of its batch; `lost` are rows that its file should have held besides."""

    problem: str
    rows: tuple[CapturedRow, ...]
    lost: int


class _Store(Protocol):
    """Files by their path: PROBLEM/dt=YYYY-MM-DD/hour=HH/PROCESS-TIME-SEQUENCE-ROWS.jsonl.gz."""

    def names(self, below: str) -> list[str]:
        """Of what lies directly below a folder's path, which is empty or ends in a slash."""
        ...

    def read(self, path: str) -> bytes | None:
        """None for a file that is not there, or not any more."""
        ...


@dataclass(frozen=True)
class _Disk:
    root: Path

    def names(self, below: str) -> list[str]:
        folder = self.root / below
        try:
            return [path.name for path in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UserError(f"{folder} cannot be read: {error.strerror}") from error

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{self.root / path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class _Bucket:
    name: str

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client("s3", config=Config(max_pool_connections=AT_ONCE))

    def names(self, below: str) -> list[str]:
        prefix = f"{PREFIX}/{below}"
        with failures(Address(self.name, prefix)):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, Delimiter="/"
            )
            found = [
                each.get("Prefix") or each["Key"]
                for page in pages
                for each in (*page.get("CommonPrefixes", ()), *page.get("Contents", ()))
            ]
        return [path.removeprefix(prefix).rstrip("/") for path in found]

    def read(self, path: str) -> bytes | None:
        from botocore.exceptions import ClientError

        with failures(Address(self.name, f"{PREFIX}/{path}")):
            try:
                content: bytes = self._client.get_object(Bucket=self.name, Key=f"{PREFIX}/{path}")["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey":
                    raise
                return None
            return content


@dataclass(frozen=True, order=True)
class _File:
    """Ordered by when it was written, within its hour."""

    partition: str
    time: str
    path: str
    rows: int


class _Line(BaseModel):
    """What is read of a captured line."""

    id: str
    index: int
    time: AwareDatetime
    problem: str
    version: str | None
    digest: str
    features: dict[str, Value]
    prediction: float
    probability: float | None = None

    @property
    def row(self) -> CapturedRow:
        output = self.prediction if self.probability is None else self.probability
        return CapturedRow(self.id, self.index, self.time, self.version, self.digest, self.features, output)


class Captures:
    """What lies in a folder, in a bucket, or in both; a file that is on its way from one to the other counts once.

    Every method raises UserError in one sentence where the disk or S3 refuses.
    """

    def __init__(self, folder: Path | None, bucket: str | None) -> None:
        # The disk comes first: a file leaves it only once it is in S3.
        self._stores: list[_Store] = [_Disk(folder)] if folder is not None else []
        self._stores += [_Bucket(bucket)] if bucket else []
        self.source = " and ".join(
            (["the capture folder"] if folder is not None else []) + ([f"s3://{bucket}"] if bucket else [])
        )

    def last(self, problem: str, count: int) -> Found:
        """The newest rows of a problem, from at most 5,000 files; those that are lost count among them."""
        rows: list[CapturedRow] = []
        lost = 0
        files = islice(self._files(problem, since=None), MOST_FILES)
        for file, lines in self._read(_holding(files, count)):
            rows += [line.row for line in lines]
            lost += max(0, file.rows - len(lines))
        return Found(tuple(sorted(rows, key=lambda row: row.time, reverse=True)[:count]), lost)

    def find(self, request_id: str, *, since: datetime) -> Answered | None:
        """The newest request of that id, of whatever problem, captured in the hour of `since` or later."""
        files = [self._files(problem, since=since) for problem in self._problems()]
        for file, lines in self._read(heapq.merge(*files, reverse=True)):
            if found := [line for line in lines if line.id == request_id]:
                newest = max(line.time for line in found)
                chosen = sorted((line for line in found if line.time == newest), key=lambda line: line.index)
                rows = tuple(line.row for line in chosen)
                return Answered(chosen[0].problem, rows, max(0, file.rows - len(lines)))
        return None

    def _problems(self) -> list[str]:
        return sorted(filter(_PROBLEM.fullmatch, self._names("")))

    def _files(self, problem: str, *, since: datetime | None) -> Iterator[_File]:
        """Newest first; a day or an hour is only looked into when it is reached."""
        first = "" if since is None else f"{since.astimezone(UTC):dt=%Y-%m-%d/hour=%H}"
        for day in sorted(self._names(f"{problem}/"), reverse=True):
            if day < first.partition("/")[0]:
                return
            for hour in sorted(self._names(f"{problem}/{day}/"), reverse=True):
                partition = f"{day}/{hour}"
                if partition < first:
                    return
                folder = f"{problem}/{partition}/"
                matches = filter(None, map(_NAME.fullmatch, self._names(folder)))
                files = [_File(partition, match[1], folder + match[0], int(match[2])) for match in matches]
                yield from sorted(files, reverse=True)

    def _names(self, below: str) -> set[str]:
        return {name for store in self._stores for name in store.names(below)}

    def _read(self, files: Iterator[_File]) -> Iterator[tuple[_File, list[_Line]]]:
        """Files with their whole lines, a few read at once; those that are gone are passed over."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while some := list(islice(files, AT_ONCE)):
                for file, content in zip(some, pool.map(self._content, some), strict=True):
                    if content is not None:
                        yield file, _lines(content)

    def _content(self, file: _File) -> bytes | None:
        reads: Iterator[bytes | None] = (store.read(file.path) for store in self._stores)
        return next((content for content in reads if content is not None), None)


def _holding(files: Iterator[_File], count: int) -> Iterator[_File]:
    """As many files as hold so many rows, by their names: no hour is listed that is not needed."""
    held = 0
    for file in files:
        yield file
        held += file.rows
        if held >= count:
            return


def _lines(content: bytes) -> list[_Line]:
    """The lines that are whole, of a file that a killed process or a failing disk may have cut off."""
    found = []
    # What follows the last line break is nothing, or a part of a line.
    for line in _unpacked(content).split(b"\n")[:-1]:
        try:
            found.append(_Line.model_validate_json(line))
        except ValidationError:
            continue
    return found


def _unpacked(content: bytes) -> bytes:
    """As much as can be unpacked."""
    unpack: Callable[[bytes], bytes] = zlib.decompressobj(_GZIP).decompress
    parts = []
    for start in range(0, len(content), _PIECE):
        try:
            parts.append(unpack(content[start : start + _PIECE]))
        except zlib.error:
            break
    return b"".join(parts)
