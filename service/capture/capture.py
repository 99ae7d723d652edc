"""Captured predictions: a request leaves a tuple in memory, a thread writes it down, another uploads it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from time import perf_counter
from zlib import crc32

from service.artifacts import s3_client
from service.capture.counts import CaptureCollector, Counts
from service.capture.files import Files
from service.capture.ledger import Ledger
from service.capture.lines import Lines, Outcome, Taken, rows_of
from service.capture.uploader import Bucket, Uploader
from service.events import log_event
from service.loaded import Loaded
from service.metrics import Metrics
from service.settings import Settings

MEGABYTE = 1024 * 1024
OVERHEAD = 512
"""Bytes that a request takes in memory beside its body and its outputs."""
FLOAT = 8
PACE = 256
PAUSE_SECONDS = 0.001
"""After every so many lines, which take half a millisecond: shorter turns cost more in changing threads."""
WRITE_SECONDS = 10.0
UPLOAD_SECONDS = 20.0
"""Both at the end; with the seconds that requests in flight are given they are fewer than a task's sixty."""
logger = logging.getLogger(__name__)


class CaptureError(Exception):
    """The folder for captured rows cannot be used; the message says which and why."""


class Capture:
    """`take` belongs to the thread that answers; it does no IO, takes no lock and makes no JSON."""

    def __init__(
        self,
        *,
        files: Files,
        ledger: Ledger,
        lines: Lines,
        counts: Counts,
        uploader: Uploader | None,
        share: float,
        seconds: float,
        most_bytes: int,
    ) -> None:
        self._files = files
        self._ledger = ledger
        self._lines = lines
        self._counts = counts
        self._uploader = uploader
        self._accepted = ledger.numbers
        self._share = share
        self._seconds = seconds
        self._most = most_bytes
        self._waiting: deque[Taken] = deque()
        # Two numbers, each with one thread that writes it, need no lock; one that both change would.
        self._taken_bytes = 0
        self._drained_bytes = 0
        self._failing = False
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def take(self, loaded: Loaded, body: bytes, outcome: Outcome, rows: int, request_id: str, began: float) -> None:
        """Keep an answered request, if its id is of the share and there is room: a batch as a whole or not at all."""
        share = self._share * loaded.captured_share
        if share < 1.0 and crc32(request_id.encode()) >= share * 2**32:
            return
        waiting = self._taken_bytes - self._drained_bytes
        size = len(body) + OVERHEAD + FLOAT * rows
        if waiting and waiting + size > self._most:
            self._counts.buffer_full += rows
            return
        self._taken_bytes += size
        self._accepted[0] += rows
        self._waiting.append((began, perf_counter(), request_id, loaded, body, outcome))
        if 2 * waiting > self._most and not self._wake.is_set():
            self._wake.set()

    def start(self) -> None:
        self._thread.start()
        if self._uploader is not None:
            self._uploader.start()

    def stop(self) -> None:
        """Write what is in memory, upload what is on disk, within bounds; then say goodbye."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout=WRITE_SECONDS)
        if self._uploader is not None:
            self._uploader.stop(UPLOAD_SECONDS)
        if not self._thread.is_alive():
            with suppress(OSError):
                self._ledger.close()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._seconds)
            self._wake.clear()
            # Asked before the last flush: what is taken after it would be forgotten.
            last = self._stopping.is_set()
            self.flush()
            if last:
                return

    def flush(self) -> None:
        """Write what has been taken up to now; what cannot be written is counted and given up."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for partition, part in self._lines.partitions(taken).items():
            self._write(partition, part)
        self._drained_bytes += sum(len(each[4]) + OVERHEAD + FLOAT * rows_of(each[5]) for each in taken)
        if taken and self._uploader is not None:
            self._uploader.more()

    def _write(self, partition: tuple[str, str], taken: list[Taken]) -> None:
        rows = sum(rows_of(each[5]) for each in taken)
        try:
            written = self._files.write(partition, self._chunks(taken), self._ledger)
        except OSError as error:
            self._counts.disk_error += rows
            self._ledger.settle(rows)
            self._enter(str(error))
        else:
            self._counts.unreadable += rows - written
            self._ledger.settle(rows - written)
            self._enter("")

    def _chunks(self, taken: list[Taken]) -> Iterator[tuple[int, bytes]]:
        """How many lines, and those joined. At a pace: a thread that computes on holds up the one that answers."""
        waiting: list[bytes] = []
        for each in taken:
            try:
                for line in self._lines.of(each):
                    waiting.append(line)
                    if len(waiting) == PACE:
                        yield PACE, b"".join(waiting)
                        waiting = []
                        time.sleep(PAUSE_SECONDS)
            except Exception:
                # A body that cannot be written as lines must not take the others with it.
                logger.exception("capture_row_unreadable")
        yield len(waiting), b"".join(waiting)

    def _enter(self, trouble: str) -> None:
        """One line per change of state."""
        if bool(trouble) == self._failing:
            return
        self._failing = bool(trouble)
        if trouble:
            log_event(logger, logging.ERROR, "capture_disk_failing", detail=trouble)
        else:
            log_event(logger, logging.INFO, "capture_disk_recovered")


def open_capture(settings: Settings, metrics: Metrics) -> Capture | None:
    """What the settings ask for, or None. Takes over what killed processes left in the folder. Raises CaptureError."""
    if settings.capture is None:
        return None
    counts = Counts()
    files = Files(settings.capture, most_bytes=settings.capture_megabytes * MEGABYTE, counts=counts)
    try:
        ledger = Ledger(settings.capture)
        lost = files.inherit()
    except OSError as error:
        raise CaptureError(f"EVERGREEN_CAPTURE: {settings.capture} cannot be written to: {error.strerror}") from error
    if counts.unclean_starts:
        log_event(logger, logging.WARNING, "capture_lost", rows=lost, processes=counts.unclean_starts)
    metrics.include(CaptureCollector(counts, taken=lambda: ledger.numbers[0], pending=lambda: files.pending))
    return Capture(
        files=files,
        ledger=ledger,
        lines=Lines(settings.capture_key.get_secret_value().encode()),
        counts=counts,
        uploader=_uploader(settings, files, counts),
        share=settings.capture_share,
        seconds=settings.capture_seconds,
        most_bytes=settings.capture_buffer_megabytes * MEGABYTE,
    )


def _uploader(settings: Settings, files: Files, counts: Counts) -> Uploader | None:
    if not settings.capture_bucket:
        return None
    make = s3_client(settings.s3_endpoint_url, settings.timeout_seconds)
    return Uploader(files, counts, Bucket(settings.capture_bucket, make))
