"""A twin's beginning and end, as a person asks for them."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from twin import birth, keeper, processes, surroundings
from twin.cloud import Control, ControlError
from twin.folder import EMULATOR_PYTHON, RECORD, ROOT, Twin, TwinError
from twin.poll import WaitError, until
from twin.tails import tail

READY = 90.0
PARTING = 45.0
"""Seconds that the keeper has to end everything; what still runs then is ended by its record."""
TOOLS_NEEDED = (EMULATOR_PYTHON, surroundings.NODE_MODULES)
TOOLS = "the twin's tools are not installed: `make .venv/.twin` does it"


def up(folder: Path) -> tuple[Twin, bool]:
    """The twin of that folder, and whether it was born now. Raises TwinError when it cannot live."""
    folder = folder.absolute()
    birth.check(folder)
    if not all(tool.exists() for tool in TOOLS_NEEDED):
        raise TwinError(TOOLS)
    with birth.alone(folder):
        if (folder / RECORD).exists():
            if not alive(folder):
                raise TwinError(
                    f"the twin in {folder} lives no more{_because(folder)}; `make twin-down` clears it away"
                )
            return Twin.load(folder), False
        twin, held = birth.give(folder)
        with held:
            _start(twin, held.fileno())
        return twin, True


def down(folder: Path) -> bool:
    """End every process of the twin, then remove its folder; False if there was none. Raises TwinError."""
    folder = folder.absolute()
    birth.check(folder)
    if not folder.exists():
        return False
    with birth.alone(folder):
        if record := processes.find(folder, keeper.NAME):
            processes.end(record, grace=PARTING)
        while left := list(processes.running(folder)):
            for record in left:
                processes.end(record, grace=2)
        birth.remove(folder)
    return True


def alive(folder: Path) -> bool:
    return processes.find(folder, keeper.NAME) is not None


def why(folder: Path) -> str:
    """Why the twin ended of itself; empty where it did not or could not say."""
    path = folder / keeper.LAST
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _start(twin: Twin, held: int) -> None:
    started = processes.start(
        twin.folder,
        keeper.NAME,
        (sys.executable, "-m", "twin.keeper", twin.folder),
        environment=surroundings.of_a_part(twin),
        cwd=ROOT,
        keep=(held,),
    )
    # It outlives whoever brought it up; one who lives longer has to take note of its end.
    threading.Thread(target=started.wait, name="keeper", daemon=True).start()
    try:
        until("the twin is ready", lambda: _ready(twin), seconds=READY)
    except WaitError as error:
        raise TwinError(f"{error}\n{_closer(twin.folder)}") from error


def _ready(twin: Twin) -> bool:
    if not alive(twin.folder):
        raise TwinError(f"the twin could not live{_because(twin.folder)}\n{_closer(twin.folder)}")
    if any(processes.find(twin.folder, name) is None for name in keeper.FOLLOWERS):
        return False
    try:
        Control(twin, seconds=5).get("/health")
    except ControlError:
        return False
    return True


def _because(folder: Path) -> str:
    return f": {reason}" if (reason := why(folder)) else ""


def _closer(folder: Path) -> str:
    logs = [folder / "logs" / f"{name}.log" for name in (keeper.NAME, keeper.EMULATOR)]
    return "\n".join(f"{path}:\n{tail(path, 15)}" for path in logs if path.exists())
