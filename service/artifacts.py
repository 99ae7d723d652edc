"""Where a bundle's files may lie: a folder, the tracking server, or S3. The manifest says which files there are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from pydantic import ValidationError

from service.bundle import MANIFEST, BundleError, Manifest
from service.http_client import Http, HttpError
from service.registry import FetchError

_PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class Store(Protocol):
    """One bundle's folder, wherever it is."""

    def save(self, name: str, into: Path) -> None:
        """Put one file, named by its path relative to the folder, where it is wanted. Raises FetchError."""
        ...


@dataclass(frozen=True)
class FolderStore:
    """A folder of this machine."""

    folder: Path

    def save(self, name: str, into: Path) -> None:
        try:
            shutil.copyfile(self.folder / name, into)
        except OSError as error:
            raise FetchError(f"{self.folder / name}: {error.strerror or error}") from error


@dataclass(frozen=True)
class ProxiedStore:
    """Artifacts that the tracking server passes through (`mlflow-artifacts:`)."""

    http: Http
    folder: str

    def save(self, name: str, into: Path) -> None:
        try:
            self.http.save(f"{_PROXY}/{quote(self.folder)}/{quote(name)}", into)
        except HttpError as error:
            raise FetchError(str(error)) from error


@dataclass(frozen=True)
class S3Store:
    """Objects below one prefix of a bucket."""

    client: Any
    bucket: str
    prefix: str

    def save(self, name: str, into: Path) -> None:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        key = f"{self.prefix}/{name}"
        try:
            self.client.download_file(self.bucket, key, str(into))
        except (BotoCoreError, Boto3Error, ClientError, OSError) as error:
            raise FetchError(f"s3://{self.bucket}/{key}: {error}") from error


@dataclass(frozen=True)
class Stores:
    """Opens the store of a location. `http` is None where there is no tracking server."""

    http: Http | None
    s3_client: Callable[[], Any]

    def open(self, location: str) -> Store:
        """The store of a bundle's URI. Raises FetchError for a scheme that is not known here."""
        parts = urlsplit(location)
        path = unquote(parts.path)
        if parts.scheme in ("", "file"):
            return FolderStore(Path(path if parts.scheme else location))
        if parts.scheme == "mlflow-artifacts" and self.http is not None:
            return ProxiedStore(self.http, path.strip("/"))
        if parts.scheme == "s3":
            return S3Store(self.s3_client(), parts.netloc, path.strip("/"))
        raise FetchError(f"{location}: cannot be read from here (a folder, s3://, or mlflow-artifacts: with a server)")


def s3_client(endpoint: str, timeout: float) -> Callable[[], Any]:
    """Makes a client when one is needed: boto3 is slow to import and most services never need it."""

    def make() -> Any:
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=timeout, read_timeout=timeout, retries={"total_max_attempts": 3})
        return boto3.client("s3", endpoint_url=endpoint or None, config=config)

    return make


def fetch_bundle(store: Store, digest: str, into: Path) -> None:
    """Fetch the manifest, then the files that it lists, into an empty folder.

    Raises FetchError, or BundleError when the manifest is not the promised one or names a file outside the folder.
    The caller verifies what has arrived.
    """
    store.save(MANIFEST, into / MANIFEST)
    try:
        manifest = Manifest.model_validate_json((into / MANIFEST).read_bytes())
    except ValidationError as error:
        raise BundleError(f"{MANIFEST} is not of format 1: {error.error_count()} errors") from error
    if manifest.digest != digest:
        raise BundleError(f"digest {manifest.digest[:12]} is not the expected {digest[:12]}")
    for name in manifest.content.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name:
            raise BundleError(f"{MANIFEST} names a file outside the bundle: {name!r}")
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        store.save(name, into / path)
