"""Captured rows, read back from a folder or from S3."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.servers import S3


def on_disk(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows by the path of their file, relative to the root."""
    return {
        path.relative_to(root).as_posix(): _rows(path.read_bytes()) for path in sorted(root.glob("*/*/*/*.jsonl.gz"))
    }


def in_s3(s3: S3, bucket: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by key."""
    client = s3.client()
    keys = [
        found["Key"]
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for found in page.get("Contents", [])
    ]
    return {key: _rows(client.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}


def rewrite(root: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Alter the lines of every file below a folder; its name still tells how many rows it had."""
    for path in root.glob("*/*/*/*.jsonl.gz"):
        lines = change(_rows(path.read_bytes()))
        path.write_bytes(gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))


def flat(files: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for rows in files.values() for row in rows]


def _rows(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]
