"""Processes that change what is released, and are killed at one of their writes or run against each other."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Literal, NamedTuple

from ml.errors import UserError
from ml.io.locks import lock
from ml.io.registry import Registry
from ml.io.tracking import Tracking

WRITES = (
    "create_registered_model",
    "delete_registered_model",
    "delete_model_version_tag",
    "delete_registered_model_alias",
    "delete_registered_model_tag",
    "rename_registered_model",
    "set_model_version_tag",
    "set_registered_model_alias",
    "set_registered_model_tag",
)
SECONDS = 90.0

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.support.warm"])


class Change(NamedTuple):
    """What a process does to a registry; a promotion is against the version that is `expected`."""

    action: Literal["promote", "rollback", "reject"]
    version: int = 0
    expected: int | None = None

    def make(self, registry: Registry) -> None:
        if self.action == "rollback":
            registry.rollback("a test", by="the child")
        elif self.action == "reject":
            registry.reject(self.version, by="the child", why="a test")
        else:
            registry.promote(self.version, expected=self.expected, by="the child", why="a test", execution="7")


def killed(tracking: Tracking, name: str, change: Change, write: int) -> bool:
    """Let a process make the change and kill it right before its n-th write; False when it made fewer and is done."""
    process = context.Process(target=_change_and_die, args=(tracking, name, change, write))
    code = _run(process)
    if code not in (0, -signal.SIGKILL):
        raise AssertionError(f"the process ended with {code}")
    return code != 0


class Hold(NamedTuple):
    """Hold the lock for so many seconds, and say from when to when (`time.monotonic`, one clock for all processes)."""

    seconds: float

    def make(self, registry: Registry) -> tuple[float, float]:
        with lock(registry.tracking, registry.name):
            begun = time.monotonic()
            time.sleep(self.seconds)
            return begun, time.monotonic()


class Rival:
    """A process that does one thing after another, each when it is told to."""

    @classmethod
    @contextmanager
    def pair(cls, tracking: Tracking, name: str) -> Iterator[tuple[Rival, Rival]]:
        """Two of them, ended with the block."""
        rivals = cls(tracking, name), cls(tracking, name)
        try:
            yield rivals
        finally:
            for rival in rivals:
                rival.close()

    def __init__(self, tracking: Tracking, name: str) -> None:
        self._end, theirs = context.Pipe()
        self._process = context.Process(target=_obey, args=(tracking, name, theirs))
        self._process.start()
        theirs.close()

    def tell(self, what: Change | Hold) -> None:
        self._end.send(what)

    def hear(self) -> Any:
        """The sentence of a refusal, or what came of it: nothing of a change, two times of a hold."""
        if not self._end.poll(SECONDS):
            raise AssertionError("the process does not answer")
        return self._end.recv()

    def close(self) -> None:
        self._end.close()
        self._process.join(SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _run(process: ForkServerProcess) -> int | None:
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"the process was not done after {SECONDS:g} seconds")
    return process.exitcode


def _change_and_die(tracking: Tracking, name: str, change: Change, write: int) -> None:
    from mlflow import MlflowClient

    left = write

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*args, **kwargs)

        return call

    for method in WRITES:
        setattr(MlflowClient, method, counted(getattr(MlflowClient, method)))
    change.make(Registry(tracking, name))


def _obey(tracking: Tracking, name: str, told: Connection) -> None:
    registry = Registry(tracking, name)
    while True:
        try:
            what: Change | Hold = told.recv()
        except EOFError:
            return
        try:
            told.send(what.make(registry))
        except UserError as error:
            told.send(str(error))
