"""Two numbers in a shared mapping, which outlives a killed process: the next one knows what was lost, to the row."""

from __future__ import annotations

import fcntl
import mmap
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

FOLDER = ".processes"
_PROCESS = re.compile(r"[0-9a-f]{12}")
_NUMBERS = struct.Struct("=QQ")
_ROWS = 40
"""Bits for settled rows; the rest of the second number counts files, so that one store changes both."""


class Ledger:
    """`ROOT/.processes/ID`, locked while its process lives and removed when it says goodbye.

    Rows are accepted by the thread that answers, and settled (written, or given up and counted) by the one that
    writes. Eight aligned bytes are stored at once: whenever the process is killed, both numbers are whole.
    """

    def __init__(self, root: Path) -> None:
        """Raises OSError."""
        self.process = token_hex(6)
        folder = root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / self.process
        new = self.path.with_suffix(".new")
        self._file: BinaryIO = new.open("w+b")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file.truncate(_NUMBERS.size)
        self.numbers = memoryview(mmap.mmap(self._file.fileno(), _NUMBERS.size)).cast("Q")
        """The first is the rows accepted. Whoever answers counts it up: a call would cost more than the count."""
        # Only now may others see it: before it was locked they would have taken it for a dead one's.
        new.rename(self.path)
        self.sequence = 0
        self._settled = 0

    @property
    def part(self) -> Path:
        """Where a file is written before it is whole."""
        return self.path.with_suffix(".part")

    def settle(self, rows: int, sequence: int | None = None) -> None:
        """These rows are accounted for; with a sequence, in the file of that number."""
        self._settled += rows
        self.sequence = self.sequence if sequence is None else sequence
        self.numbers[1] = self.sequence << _ROWS | self._settled

    def close(self) -> None:
        """Say goodbye."""
        self.path.unlink(missing_ok=True)
        self._file.close()


@dataclass(frozen=True)
class Dead:
    """The ledger of a process that was killed."""

    process: str
    accepted: int
    settled: int
    sequence: int


@contextmanager
def living(root: Path) -> Iterator[tuple[set[str], list[Dead]]]:
    """The ids of the processes that live, and what the dead ones left; theirs is removed when the block ends well."""
    alive: set[str] = set()
    dead: dict[Path, Dead] = {}
    held: list[BinaryIO] = []
    try:
        for path in sorted(path for path in (root / FOLDER).glob("*") if _PROCESS.fullmatch(path.name)):
            try:
                file: BinaryIO = path.open("r+b")
            except FileNotFoundError:
                continue
            held.append(file)
            if not _locked(file):
                alive.add(path.name)
            # Another one that starts now may have read and removed it in the meantime.
            elif path.exists() and len(content := file.read()) == _NUMBERS.size:
                accepted, both = _NUMBERS.unpack(content)
                dead[path] = Dead(path.name, accepted, both & ((1 << _ROWS) - 1), both >> _ROWS)
        yield alive, list(dead.values())
        for path in dead:
            path.with_suffix(".part").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    finally:
        for file in held:
            file.close()


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
