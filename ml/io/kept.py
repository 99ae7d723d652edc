"""Whether DVC still has the data that a version was trained on, by what the version's own dvc.lock says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ml.errors import UserError
from ml.io import dvc
from ml.io.objects import ABSENT, SCHEME

FILES = Path("files") / "md5"


@dataclass(frozen=True)
class Kept:
    """In this checkout's cache and in its remote; None where the remote could not be asked."""

    cache: bool
    remote: bool | None


def kept(root: Path, lock: Path, problem: str) -> Kept | None:
    """None where the lock names no data of the problem."""
    document = yaml.safe_load(lock.read_text(encoding="utf-8")) or {}
    stage = (document.get("stages") or {}).get(f"ingest@{problem}") or {}
    names = [f"{out['md5'][:2]}/{out['md5'][2:]}" for out in stage.get("outs") or () if "md5" in out]
    if not names:
        return None
    return Kept(_all(root / ".dvc" / "cache", names), _in_remote(root, names))


def _in_remote(root: Path, names: list[str]) -> bool | None:
    try:
        url = dvc.setting(root, "remote.storage.url")
    except UserError:
        return None
    if not url.startswith(SCHEME):
        return None if not url or "://" in url else _all(Path(url), names)
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    return _in_bucket(bucket, [f"{prefix.strip('/')}/{FILES}/{name}".lstrip("/") for name in names])


def _in_bucket(bucket: str, keys: list[str]) -> bool | None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client: Any = boto3.client("s3")
    try:
        for key in keys:
            client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return False if error.response["Error"]["Code"] in ABSENT else None
    except BotoCoreError:
        return None
    return True


def _all(folder: Path, names: list[str]) -> bool:
    return all((folder / FILES / name).is_file() for name in names)
