"""Nothing that the benchmark started may outlive it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.processes import Tree, cpu_seconds, memory, running, tree

CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {CHILD!r}])"


def started(tree_: Tree, processes: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        found = tree(tree_.process.pid)
        if len(found) == processes and "ready" in tree_.log.read_text():
            return found
        time.sleep(0.01)
    raise AssertionError(f"the tree never had {processes} processes: {tree_.last_words()}")


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def run_and_fail(tmp_path: Path, script: str, processes: int) -> list[psutil.Process]:
    """What was there when the block failed."""
    found = []
    command = [sys.executable, "-c", script]
    with (
        pytest.raises(ZeroDivisionError),
        running(command, environment={}, folder=tmp_path, log=tmp_path / "log", core=None) as process,
    ):
        found = started(process, processes)
        assert memory(found).rss > 1.0
        assert cpu_seconds(found) >= 0.0
        raise ZeroDivisionError
    return found


def test_a_stubborn_child_ends_with_its_parent_on_failure(tmp_path: Path) -> None:
    found = run_and_fail(tmp_path, f"{PARENT}; child.wait()", 2)
    assert gone(found)


def test_a_child_left_behind_by_its_parent_is_ended_too(tmp_path: Path) -> None:
    script = f"{PARENT}; import time; time.sleep(0.5)"
    command = [sys.executable, "-c", script]
    with running(command, environment={}, folder=tmp_path, log=tmp_path / "log", core=None) as process:
        child = started(process, 2)[1]
        process.process.wait(20.0)
        assert not gone([child])
    assert gone([child])
