"""Keeps a twin alive: starts its parts, restarts those that lose nothing, and ends all of them together."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twin import processes, surroundings
from twin.cloud import Control, ControlError
from twin.folder import EMULATOR_PYTHON, PYTHON, ROOT, Twin, TwinError
from twin.poll import until

NAME = "keeper"
EMULATOR = "emulator"
FOLLOWERS = ("codepipeline", "balancer")
"""In the order of their start; each keeps its state in the folder or has none, so it may be started again."""
LOOK = 0.2
MINUTE = 60.0
RESTARTS = 10
"""A follower that dies more often within a minute cannot live."""
READY = 60.0
"""Seconds for the emulator to answer."""
LAST = "ended"
"""The file of the folder that says why a twin lives no more."""

log = logging.getLogger("twin.keeper")


Commands = Mapping[str, Sequence[str | Path]]


def commands(twin: Twin) -> Commands:
    """What each part of a twin is started with."""
    python = {EMULATOR: EMULATOR_PYTHON} | dict.fromkeys(FOLLOWERS, PYTHON)
    return {name: (python[name], "-m", f"twin.{name}", twin.folder) for name in python}


class EndedError(Exception):
    """The twin cannot live on; the message says why."""


@dataclass
class Part:
    """A process that is watched, and when it was restarted."""

    name: str
    process: subprocess.Popen[bytes]
    restarts: deque[float] = field(default_factory=deque)

    def may_restart(self, now: float) -> bool:
        """Counts a restart, unless there have been too many within the last minute."""
        while self.restarts and now - self.restarts[0] > MINUTE:
            self.restarts.popleft()
        if len(self.restarts) >= RESTARTS:
            return False
        self.restarts.append(now)
        return True


class Keeper:
    """`asked` is set when the twin is to end."""

    def __init__(self, twin: Twin, started_with: Commands | None = None) -> None:
        self._twin = twin
        self._commands = started_with or commands(twin)
        self._parts: list[Part] = []
        self.asked = threading.Event()

    def run(self) -> str | None:
        """Live until asked to end; why not, if it came to that."""
        why: str | None = None
        try:
            self._start(EMULATOR)
            until("the emulator answers", self._answers, seconds=READY)
            for name in FOLLOWERS:
                self._start(name)
            log.info("ready endpoint=%s", self._twin.endpoint)
            while not self.asked.wait(LOOK):
                self._look()
        except (EndedError, TwinError, OSError) as error:
            why = str(error)
            log.error("ends why=%r", why)
        if self.asked.is_set():
            why = None
        self._end()
        return why

    def _look(self) -> None:
        for part in self._parts:
            code = part.process.poll()
            if code is None:
                continue
            if part.name == EMULATOR:
                raise EndedError(f"the emulator ended with {code}, and its state with it; its log says why")
            if not part.may_restart(time.monotonic()):
                raise EndedError(f"{part.name} died more than {RESTARTS} times within a minute; its log says why")
            part.process = self._process(part.name)
            log.warning("restarted name=%s ended=%d pid=%d", part.name, code, part.process.pid)

    def _answers(self) -> bool:
        if self.asked.is_set():
            raise EndedError("asked to end before it was ready")
        self._look()
        try:
            Control(self._twin, seconds=5).get("/health")
        except ControlError as error:
            if error.status is not None:
                raise
            return False
        return True

    def _start(self, name: str) -> None:
        part = Part(name, self._process(name))
        self._parts.append(part)
        log.info("started name=%s pid=%d", name, part.process.pid)

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        surrounding = surroundings.of_a_part(self._twin)
        return processes.start(self._twin.folder, name, self._commands[name], environment=surrounding, cwd=ROOT)

    def _end(self) -> None:
        """Followers first, as they call the emulator; it ends its own, and what it left behind comes last."""
        mine = {NAME, *(part.name for part in self._parts)}
        for part in reversed(self._parts):
            if record := processes.find(self._twin.folder, part.name):
                processes.end(record)
            part.process.wait(timeout=processes.GRACE)
            log.info("ended name=%s code=%s", part.name, part.process.returncode)
        for record in list(processes.running(self._twin.folder)):
            if record.name not in mine:
                processes.end(record, grace=2)
                log.info("ended name=%s", record.name)


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    folder = Path(sys.argv[1])
    keeper = Keeper(Twin.load(folder))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.asked.set())
    why = keeper.run()
    if why:
        (folder / LAST).write_text(f"{why}\n", encoding="utf-8")
        sys.exit(1)


if __name__ == "__main__":
    main()
