"""Follows the registry's alias: fetches, verifies, warms and swaps, and keeps the old model when anything is wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from service.bundle import BundleError
from service.cache import Cache
from service.events import log_event
from service.loaded import Loaded, Origin
from service.metrics import Metrics
from service.registry import AliasUnset, FetchError, ModelUnknown, Registry, RegistryError, Release
from service.slot import Slot

MAX_PAUSE = 300.0
logger = logging.getLogger(__name__)


class Prepare(Protocol):
    """Makes a model ready from a folder. Raises BundleError."""

    def __call__(self, folder: Path, *, expect: str, version: str, origin: Origin) -> Loaded: ...


class Watcher:
    """Polls in a thread of its own: a slow registry or a large bundle never holds up a request or the exit."""

    def __init__(
        self,
        registry: Registry,
        *,
        cache: Cache,
        slot: Slot,
        metrics: Metrics,
        prepare: Prepare,
        poll_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._cache = cache
        self._slot = slot
        self._metrics = metrics
        self._prepare = prepare
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._refused: Release | None = None
        self._pause = poll_seconds
        self._retry_at = 0.0
        self._state: tuple[str, str] = ("", "")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self.looked = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; one that waits for the network is left to end with the process."""
        self._stop.set()
        self._thread.join(timeout=1.0)

    def step(self) -> None:
        """Look once. What is wrong with the registry or the release becomes a state, never an exception."""
        try:
            release = self._registry.champion()
        except (AliasUnset, ModelUnknown) as error:
            self._metrics.registry_up.set(1)
            self._enter(logging.WARNING, error.reason, str(error))
        except RegistryError as error:
            self._metrics.registry_up.set(0)
            self._enter(logging.WARNING, error.reason, str(error))
            self._start_from_disk()
        else:
            self._metrics.registry_up.set(1)
            self._follow(release)

    def _follow(self, release: Release) -> None:
        current = self._slot.current
        if current is not None and current.digest == release.digest:
            if current.version != release.version:
                self._swap(current.named(release.version), release)
            self._enter(logging.INFO, "following", "")
        elif release != self._refused or self._clock() >= self._retry_at:
            self._take(release)

    def _take(self, release: Release) -> None:
        try:
            folder = self._cache.hold(release, self._registry.fetch)
            loaded = self._prepare(folder, expect=release.digest, version=release.version, origin="registry")
        except (BundleError, FetchError, OSError) as error:
            self._refuse(release, error)
            self._start_from_disk()
        else:
            self._refused = None
            self._swap(loaded, release)
            self._enter(logging.INFO, "following", "")

    def _refuse(self, release: Release, error: Exception) -> None:
        """A bundle may be repaired in place, so it is tried again, ever more rarely."""
        self._pause = min(2 * self._pause, MAX_PAUSE) if release == self._refused else self._poll_seconds
        self._refused = release
        self._retry_at = self._clock() + self._pause
        self._metrics.refused.inc()
        reason = "bundle_refused" if isinstance(error, BundleError) else "bundle_not_fetched"
        self._enter(logging.ERROR, reason, f"version {release.version}: {error}")

    def _start_from_disk(self) -> None:
        if self._slot.current is not None or (found := self._cache.remembered()) is None:
            return
        release, folder = found
        try:
            loaded = self._prepare(folder, expect=release.digest, version=release.version, origin="disk")
        except (BundleError, OSError) as error:
            log_event(logger, logging.ERROR, "disk_copy_refused", detail=str(error))
        else:
            self._swap(loaded, None)

    def _swap(self, loaded: Loaded, release: Release | None) -> None:
        self._slot.current = loaded
        self._metrics.swapped(loaded.loaded_at)
        log_event(logger, logging.INFO, "model_loaded", origin=loaded.origin, model=loaded.identity)
        if release is not None:
            try:
                self._cache.remember(release)
            except OSError as error:
                log_event(logger, logging.WARNING, "disk_copy_not_kept", detail=str(error))

    def _enter(self, level: int, event: str, detail: str) -> None:
        """One line per change of state, not one per poll."""
        if self._state != (event, detail):
            self._state = (event, detail)
            log_event(logger, level, event, detail=detail)

    def _run(self) -> None:
        while True:
            try:
                self.step()
            except Exception:
                # Whatever it was, the watcher must go on looking.
                logger.exception("watcher_failed")
            self.looked.set()
            if self._stop.wait(self._poll_seconds):
                return
