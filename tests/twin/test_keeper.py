"""A twin lives as long as its emulator does, and ends as a whole."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin import certificates, ports, processes, surroundings
from twin.folder import Twin
from twin.keeper import EMULATOR, FOLLOWERS, RESTARTS, Commands, Keeper, Part
from twin.poll import until

ANSWERS = """
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"status": "ready"}')
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
SECONDS = 5.0


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    place = ports.take()
    place.held.close()
    twin = Twin(folder=tmp_path, gateway=place.gateway, pipeline=place.pipeline, block=place.block, token="t")
    twin.save()
    surroundings.make_places(tmp_path)
    certificates.issue(twin)
    return twin


@pytest.fixture
def parts(twin: Twin) -> Commands:
    answers = (sys.executable, "-c", ANSWERS, str(twin.gateway), twin.certificate, twin.key)
    return {EMULATOR: answers} | dict.fromkeys(FOLLOWERS, ("sleep", "60"))


@pytest.fixture
def kept(twin: Twin, parts: Commands) -> Iterator[Kept]:
    kept = Kept(twin, parts)
    until("everything runs", lambda: kept.running() == {EMULATOR, *FOLLOWERS}, seconds=SECONDS, every=0.05)
    yield kept
    kept.stop()


class Kept:
    """A keeper on a thread of the test."""

    def __init__(self, twin: Twin, parts: Commands) -> None:
        self.twin = twin
        self.why: str | None = None
        self._keeper = Keeper(twin, parts)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def running(self) -> set[str]:
        return {record.name for record in processes.running(self.twin.folder)}

    def pid(self, name: str) -> int:
        record = processes.find(self.twin.folder, name)
        return record.pid if record else 0

    def stop(self) -> None:
        self._keeper.asked.set()
        self.wait()

    def wait(self) -> str | None:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        return self.why

    def _run(self) -> None:
        self.why = self._keeper.run()


@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_part_that_keeps_its_state_is_there_again_within_half_a_second(kept: Kept, name: str) -> None:
    before = kept.pid(name)
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    until("another one runs", lambda: kept.pid(name) not in {0, before}, seconds=SECONDS, every=0.02)
    assert time.monotonic() - began < 0.5 + 0.5, "half a second, and as much again for a busy machine"
    assert kept.why is None


def test_with_the_emulator_the_twin_ends_and_says_why(kept: Kept) -> None:
    os.kill(kept.pid(EMULATOR), signal.SIGKILL)
    assert "emulator ended with -9" in str(kept.wait())
    assert kept.running() == set()


def test_asked_to_end_it_ends_everything_and_complains_of_nothing(kept: Kept) -> None:
    kept.stop()
    assert kept.why is None
    assert kept.running() == set()


def test_what_the_emulator_had_started_and_left_behind_ends_too(kept: Kept) -> None:
    task = processes.start(kept.twin.folder, "task-1", ("sleep", "60"), environment={}, cwd=kept.twin.folder)
    kept.stop()
    assert task.wait(SECONDS) < 0
    assert kept.running() == set()


def test_an_emulator_that_cannot_start_ends_it_at_once(twin: Twin, parts: Commands) -> None:
    kept = Kept(twin, {**parts, EMULATOR: ("false",)})
    assert "emulator ended with 1" in str(kept.wait())


def test_a_part_that_cannot_live_is_not_restarted_for_ever() -> None:
    part = Part("balancer", process=None)  # type: ignore[arg-type]
    assert [part.may_restart(now) for now in range(RESTARTS + 1)] == [True] * RESTARTS + [False]
    assert part.may_restart(61.5)
