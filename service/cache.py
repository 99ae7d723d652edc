"""Verified bundles on disk, so that a service can start while the registry is away."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from service.bundle import BundleError, read_bundle, sha256
from service.registry import Release

KEPT = 3
INCOMING = ".incoming-"
ABANDONED_SECONDS = 3600.0
"""A download older than this belongs to a process that was killed."""
_POINTER = "current.json"

Fetch = Callable[[Release, Path], None]


class Cache:
    """`ROOT/NAME/DIGEST/` for each bundle and `ROOT/NAME/current.json` for the one last served.

    `origin` says where the name and alias were looked up: a copy from one registry never stands in for another's.
    Several processes may share a folder: bundles and the pointer appear by a rename, and equal digests are equal.
    """

    def __init__(self, root: Path, *, name: str, origin: str) -> None:
        self._folder = root / name
        self._origin = sha256(origin.encode())

    def hold(self, release: Release, fetch: Fetch) -> Path:
        """The folder of a release, fetched unless a good copy is here.

        Raises FetchError or BundleError, and OSError when the disk fails; none of them leaves anything behind.
        """
        target = self._folder / release.digest
        if self._is_good(target, release.digest):
            os.utime(target)
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        with tempfile.TemporaryDirectory(prefix=INCOMING, dir=self._folder) as scratch:
            arrived = Path(scratch) / "bundle"
            arrived.mkdir()
            fetch(release, arrived)
            read_bundle(arrived, expect=release.digest)
            shutil.rmtree(target, ignore_errors=True)
            try:
                arrived.rename(target)
            except OSError:
                if not self._is_good(target, release.digest):
                    raise
        return target

    def _sweep(self) -> None:
        for scratch in self._folder.glob(f"{INCOMING}*"):
            with suppress(FileNotFoundError):
                if time.time() - scratch.stat().st_mtime > ABANDONED_SECONDS:
                    shutil.rmtree(scratch, ignore_errors=True)

    def remember(self, release: Release) -> None:
        """Point at the release that is served now and drop bundles that were not used lately."""
        document = {"origin": self._origin, "release": asdict(release)}
        with tempfile.NamedTemporaryFile("w", prefix=".current-", dir=self._folder, delete=False) as file:
            json.dump(document, file, indent=2)
        Path(file.name).replace(self._folder / _POINTER)
        bundles = sorted(self._bundles(), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for old in [folder for folder in bundles if folder.name != release.digest][KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)

    def remembered(self) -> tuple[Release, Path] | None:
        """The release last served and its folder, not yet verified again; None when there is none."""
        try:
            document = json.loads((self._folder / _POINTER).read_bytes())
            release = Release(**document["release"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        folder = self._folder / release.digest
        return (release, folder) if document.get("origin") == self._origin and folder in self._bundles() else None

    def _bundles(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")]

    @staticmethod
    def _is_good(folder: Path, digest: str) -> bool:
        try:
            read_bundle(folder, expect=digest)
        except (BundleError, OSError):
            return False
        return True
