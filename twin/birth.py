"""How a twin's folder comes to be and how it goes: nothing but a twin's own is ever written over or removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from twin import certificates, ports, surroundings
from twin.folder import RECORD, ROOT, Twin, TwinError


def give(folder: Path) -> tuple[Twin, socket.socket]:
    """A new twin in the folder, and what holds its place for as long as it is open. Raises TwinError.

    The record is written first: whatever has one can be taken down.
    """
    check(folder)
    if folder.exists() and any(folder.iterdir()):
        raise TwinError(f"{folder} is not empty; name another folder for the twin")
    place = ports.take()
    twin = Twin(
        folder=folder,
        gateway=place.gateway,
        pipeline=place.pipeline,
        block=place.block,
        token=secrets.token_urlsafe(24),
    )
    twin.save()
    surroundings.make_places(folder)
    certificates.issue(twin)
    return twin, place.held


def remove(folder: Path) -> None:
    """Remove a twin's folder, its record last, so that an interrupted removal can be repeated. Raises TwinError."""
    check(folder)
    if not folder.exists():
        return
    inside = list(folder.iterdir())
    if inside and folder / RECORD not in inside:
        raise TwinError(f"{folder} holds no twin: nothing was removed")
    try:
        for path in inside:
            if path.name != RECORD:
                _remove(path)
        (folder / RECORD).unlink(missing_ok=True)
        folder.rmdir()
    except OSError as error:
        raise TwinError(f"{folder} could not be removed: {error}; see to it and repeat the command") from error


def check(folder: Path) -> None:
    """Raises TwinError for a folder in which a twin must not live, let alone be removed."""
    precious = {path for home in (Path.home().resolve(), ROOT) for path in (home, *home.parents)}
    if folder.is_symlink():
        raise TwinError(f"{folder} is a symbolic link; name the folder itself")
    if folder.resolve() in precious:
        raise TwinError(f"{folder} is no place for a twin, which is removed with its folder; name one of its own")
    if folder.exists() and not folder.is_dir():
        raise TwinError(f"{folder} is not a folder")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other commands from starting or ending the twin of that folder meanwhile. Raises TwinError."""
    check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise TwinError(f"another command is starting or ending the twin in {folder}; wait for it") from None
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
