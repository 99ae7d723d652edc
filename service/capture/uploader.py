"""Files of captured rows to S3, for as long as it takes."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.capture.counts import Counts
from service.capture.files import File, Files
from service.events import log_event

PREFIX = "capture"
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
logger = logging.getLogger(__name__)

Send = Callable[[str, Path], None]
"""Puts a file where its key says. Raises UploadError."""


class UploadError(Exception):
    """The file is still only here; the message says why."""


@dataclass
class Bucket:
    """Puts whole files into a bucket; `make` makes the client when the first one comes, since boto3 is slow."""

    name: str
    make: Callable[[], Any]
    _client: Any = None

    def __call__(self, key: str, path: Path) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client = self._client or self.make()
            # No Content-Encoding: readers that know a name by its ending would unpack twice.
            self._client.put_object(Bucket=self.name, Key=key, Body=path.read_bytes(), ContentType="application/gzip")
        except (BotoCoreError, ClientError, OSError) as error:
            raise UploadError(f"s3://{self.name}/{key}: {error}") from error


class Uploader:
    """One file after the other, the oldest first. A failure is followed by a pause, longer each time."""

    def __init__(self, files: Files, counts: Counts, send: Send, *, first_pause: float = FIRST_PAUSE) -> None:
        self._files = files
        self._counts = counts
        self._send = send
        self._first_pause = first_pause
        self._failures = 0
        self._stopping = threading.Event()
        self._more = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture-upload", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def more(self) -> None:
        """There is another file."""
        self._more.set()

    def stop(self, seconds: float) -> None:
        """Upload what is left, within bounds; the first failure ends it, and what stays waits for the next start."""
        self._stopping.set()
        self._more.set()
        self._thread.join(timeout=seconds)

    def _run(self) -> None:
        while True:
            self._more.clear()
            while (file := self._files.claim()) is not None:
                if not self._upload(file) and self._wait():
                    return
            if self._stopping.is_set():
                return
            self._more.wait()

    def _upload(self, file: File) -> bool:
        if not file.path.exists():
            # Two processes that started at once may both have taken over what a dead one left.
            self._files.done(file)
            return True
        key = f"{PREFIX}/{file.path.relative_to(self._files.root).as_posix()}"
        try:
            self._send(key, file.path)
        except UploadError as error:
            self._failed(file, str(error))
            return False
        except Exception as error:
            # Whatever it was, what is on disk must go on trying.
            logger.exception("capture_upload_broken")
            self._failed(file, str(error))
            return False
        self._files.done(file)
        self._counts.uploaded += file.rows
        self._counts.last_upload = time.time()
        if self._failures:
            self._failures = 0
            log_event(logger, logging.INFO, "capture_upload_recovered")
        return True

    def _failed(self, file: File, detail: str) -> None:
        self._files.put_back(file)
        self._counts.upload_errors += 1
        self._failures += 1
        if self._failures == 1:
            log_event(logger, logging.WARNING, "capture_upload_failing", detail=detail)

    def _wait(self) -> bool:
        """Pause, and say whether to end: a process that stops tries once more and no longer."""
        if self._stopping.is_set():
            return True
        pause = min(LONGEST_PAUSE, self._first_pause * 2 ** min(self._failures - 1, 16))
        self._stopping.wait(random.uniform(0.5, 1.0) * pause)  # noqa: S311 - so that services do not retry in step
        return False
