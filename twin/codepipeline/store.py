"""The state of every pipeline as one file each: a change is on disk before anybody can see it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from twin.codepipeline.state import PipelineState
from twin.folder import TwinError

SUFFIX = ".json"


class UnknownPipelineError(Exception):
    """There is no pipeline of the name in the message."""


class Store:
    """Each change is written to a new file that then replaces the old one: whoever dies leaves one or the other."""

    def __init__(self, folder: Path, *, changed: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._changed = changed
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        self._states = {path.stem: _read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._states)

    def get(self, name: str) -> PipelineState:
        """To read, as it is now: a change makes a new one. Raises UnknownPipelineError."""
        with self._lock:
            return self._known(name)

    def all(self) -> list[PipelineState]:
        with self._lock:
            return list(self._states.values())

    @contextlib.contextmanager
    def change(self, name: str) -> Iterator[PipelineState]:
        """The state to change; written when the block ends well, forgotten otherwise. Raises UnknownPipelineError."""
        with self._lock:
            state = self._known(name).model_copy(deep=True)
            yield state
            if state != self._states[name]:
                self._write(name, state)
        self._changed()

    def add(self, state: PipelineState) -> None:
        with self._lock:
            self._write(state.name, state)
        self._changed()

    def remove(self, name: str) -> None:
        with self._lock:
            self._states.pop(name, None)
            self._path(name).unlink(missing_ok=True)
        self._changed()

    def _known(self, name: str) -> PipelineState:
        try:
            return self._states[name]
        except KeyError:
            raise UnknownPipelineError(name) from None

    def _write(self, name: str, state: PipelineState) -> None:
        path = self._path(name)
        fresh = path.with_suffix(".new")
        fresh.write_text(state.model_dump_json(indent=1), encoding="utf-8")
        fresh.replace(path)
        self._states[name] = state

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


def _read(path: Path) -> PipelineState:
    try:
        return PipelineState.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise TwinError(f"{path} is not the state of a pipeline: {error}") from error
