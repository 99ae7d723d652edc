"""Files of captured rows: whole or absent, bounded, the oldest first to go."""

from __future__ import annotations

import os
import re
import threading
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.capture.counts import Counts
from service.capture.ledger import Ledger, living

SUFFIX = ".jsonl.gz"
_NAME = re.compile(r"([0-9a-f]{12})-(\d{8}T\d{6}Z)-(\d+)-(\d+)" + re.escape(SUFFIX))
_GZIP = 31
"""zlib's word for a window of 32 KB in a gzip wrapper, which carries neither name nor time."""
_LEVEL = 1
"""Half the time of the usual one, for a tenth more bytes."""


@dataclass(frozen=True)
class File:
    """PROBLEM/dt=YYYY-MM-DD/hour=HH/PROCESS-TIME-SEQUENCE-ROWS.jsonl.gz below the root."""

    path: Path
    process: str
    time: str
    sequence: int
    rows: int
    size: int


class Files:
    """What lies below a folder and is this process's to keep: its own files, and those that dead ones left."""

    def __init__(self, root: Path, *, most_bytes: int, counts: Counts) -> None:
        self.root = root
        self._most = most_bytes
        self._counts = counts
        self._lock = threading.Lock()
        self._waiting: list[File] = []
        self.pending = 0

    def inherit(self) -> int:
        """Take over the files of dead processes and return how many rows were lost with them. Raises OSError."""
        with living(self.root) as (alive, dead):
            found = [file for file in self._scan() if file.process not in alive]
            lost = 0
            for each in dead:
                # A file may be whole although its process had no time left to settle it.
                unsettled = sum(f.rows for f in found if f.process == each.process and f.sequence > each.sequence)
                lost += max(0, each.accepted - each.settled - unsettled)
            self._counts.lost += lost
            self._counts.unclean_starts += len(dead)
        for file in found:
            self._add(file)
        return lost

    def write(self, partition: tuple[str, str], chunks: Iterable[tuple[int, bytes]], ledger: Ledger) -> int:
        """Keep the chunks' rows in one file and settle them. Raises OSError, and leaves nothing half done."""
        sequence = ledger.sequence + 1
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = self.root.joinpath(*partition)
        try:
            rows, size = _compress(ledger.part, chunks)
            path = folder / f"{ledger.process}-{now}-{sequence:06d}-{rows}{SUFFIX}"
            with self._lock:
                folder.mkdir(parents=True, exist_ok=True)
                ledger.part.rename(path)
        except OSError:
            with suppress(OSError):
                ledger.part.unlink()
            raise
        ledger.settle(rows, sequence)
        self._counts.written += rows
        self._add(File(path, ledger.process, now, sequence, rows, size))
        return rows

    def claim(self) -> File | None:
        """The oldest file, which nobody drops until it is done with or put back; None when there is none."""
        with self._lock:
            return self._waiting.pop(0) if self._waiting else None

    def done(self, file: File) -> None:
        """It is safe elsewhere."""
        with self._lock:
            self._remove(file)

    def put_back(self, file: File) -> None:
        with self._lock:
            self._waiting.insert(0, file)

    def _add(self, file: File) -> None:
        with self._lock:
            self._waiting.append(file)
            self.pending += file.size
            while self.pending > self._most and len(self._waiting) > 1:
                oldest = self._waiting.pop(0)
                self._counts.disk_full += oldest.rows
                self._remove(oldest)

    def _remove(self, file: File) -> None:
        self.pending -= file.size
        with suppress(OSError):
            file.path.unlink(missing_ok=True)
            for folder in (file.path.parent, file.path.parent.parent):
                folder.rmdir()

    def _scan(self) -> list[File]:
        found = []
        for path in self.root.glob(f"*/dt=*/hour=*/*{SUFFIX}"):
            if match := _NAME.fullmatch(path.name):
                process, time, sequence, rows = match.groups()
                with suppress(FileNotFoundError):
                    found.append(File(path, process, time, int(sequence), int(rows), path.stat().st_size))
        return sorted(found, key=lambda file: (file.time, file.process, file.sequence))


def _compress(path: Path, chunks: Iterable[tuple[int, bytes]]) -> tuple[int, int]:
    """Write the chunks to the disk and return how many rows and bytes they became."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    total = 0
    with path.open("wb") as file:
        for rows, chunk in chunks:
            total += rows
            file.write(packer.compress(chunk))
        file.write(packer.flush())
        file.flush()
        os.fsync(file.fileno())
        return total, file.tell()
