"""Answers the twin's private names in every Python process that has this folder on PYTHONPATH.

A fake for the private zone's resolver: only `socket.getaddrinfo` asks it, so libpq and programs that are not Python
need plain addresses. A name and its port may lead to another port, since tasks share one machine.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

FILE = "TWIN_NAMES"
"""Names the file; else it is `names` in the twin's folder. A function's variables may not begin with EVERGREEN_."""
FOLDER = "EVERGREEN_TWIN"
Answer = tuple[str, int | None]
"""An address, and a port where the line maps one."""


class Names:
    """Lines `NAME ADDRESS` or `NAME:PORT ADDRESS:PORT`; several of one name are several answers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._answers: dict[str, list[Answer]] = {}

    def find(self, host: str, port: Any) -> list[Answer]:
        """Read anew when the file has changed."""
        try:
            status = self._path.stat()
            if (status.st_mtime_ns, status.st_ino) != self._seen:
                self._answers = read(self._path.read_text(encoding="utf-8"))
                self._seen = status.st_mtime_ns, status.st_ino
        except OSError:
            return []
        name = host.rstrip(".").lower()
        return self._answers.get(f"{name}:{port}") or self._answers.get(name) or []


def read(text: str) -> dict[str, list[Answer]]:
    answers: dict[str, list[Answer]] = {}
    for line in text.splitlines():
        name, _, where = line.strip().partition(" ")
        address, _, port = where.strip().partition(":")
        if name and address:
            answers.setdefault(name.lower(), []).append((address, int(port) if port else None))
    return answers


def install(path: Path) -> None:
    names = Names(path)
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        text = host.decode("idna") if isinstance(host, bytes) else host
        found = names.find(text, port) if isinstance(text, str) else []
        if not found:
            return resolve(host, port, *rest, **options)
        return [
            entry
            for address, mapped in found
            for entry in resolve(address, port if mapped is None else mapped, *rest, **options)
        ]

    socket.getaddrinfo = getaddrinfo


if file := os.environ.get(FILE):
    install(Path(file))
elif folder := os.environ.get(FOLDER):
    install(Path(folder) / "names")
