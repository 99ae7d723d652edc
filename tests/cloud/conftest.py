"""A twin for the tests of the loop: born before them, taken down after them whatever happened."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from twin import life
from twin.cloud import Cloud
from twin.loop.play import Play
from twin.loop.world import World
from twin.toolkit import Toolkit

KEEP = "EVERGREEN_TWIN_KEEP"
"""Set it to look into a twin whose loop failed; `python -m twin down --folder ...` ends it."""


@dataclass(frozen=True)
class Opened:
    """A twin that lives."""

    cloud: Cloud

    def play(self, console: Console) -> Play:
        world = World(self.cloud, target=os.environ.get("TARGET") or None)
        return Play(world, Toolkit(self.cloud.twin), console.print)

    @contextmanager
    def another(self, folder: Path) -> Iterator[Cloud]:
        try:
            yield Cloud(life.up(folder)[0])
        finally:
            life.down(folder)


@pytest.fixture(scope="session")
def opened() -> Iterator[Opened]:
    place = Path(tempfile.mkdtemp(prefix="evergreen-twin-"))
    # The database's user must be able to pass.
    place.chmod(0o711)
    folder = place / "twin"
    try:
        # One that cannot become ready has processes too.
        yield Opened(Cloud(life.up(folder)[0]))
    finally:
        if os.environ.get(KEEP):
            sys.stderr.write(f"the twin is kept; look into it and end it with --folder {folder}\n")
        else:
            life.down(folder)
            shutil.rmtree(place)
