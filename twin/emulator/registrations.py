"""The private names of a twin: who answers to a name, written where every process of the twin looks it up.

A fake for Route 53's private zone: `twin/names` reads the file, and proves nothing of DNS, its caches or its TTLs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from twin.folder import Twin


class Registrations:
    """The one writer of a names file. Each owner's lines replace what it gave before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._write()

    def set_names(self, owner: str, lines: Sequence[str]) -> None:
        """`NAME ADDRESS` or `NAME:PORT ADDRESS:PORT`; several lines of one name are several answers."""
        with self._lock:
            if tuple(lines) == self._lines.get(owner, ()):
                return
            self._lines[owner] = tuple(lines)
            self._write()

    def _write(self) -> None:
        """Whoever reads sees the old file or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.new")
        lines = [line for owner in sorted(self._lines) for line in self._lines[owner]]
        fresh.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        fresh.replace(self._path)


_writers: list[Registrations] = []
"""The one of this process, once it is installed."""


def install(twin: Twin) -> None:
    _writers[:] = [Registrations(twin.names)]


def set_names(owner: str, lines: Sequence[str]) -> None:
    """See Registrations.set_names; before `install` nothing has a name."""
    for writer in _writers:
        writer.set_names(owner, lines)
