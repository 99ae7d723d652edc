"""What a killed process took with it is known to the row; two processes in one folder leave each other alone."""

from __future__ import annotations

import fcntl
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from service.bundle import Bundle
from service.capture.counts import Counts
from service.capture.files import Files
from service.capture.ledger import Ledger
from tests.service.conftest import ROW
from tests.service.running import eventually, metric
from tests.service.test_process import answers, service
from tests.support.captured import flat, in_s3, on_disk
from tests.support.servers import S3

CALLERS = 4


def test_what_was_answered_is_in_s3_or_on_disk_or_counted_as_lost(insurance: Bundle, tmp_path: Path, s3: S3) -> None:
    bucket = f"capture-{uuid4().hex[:8]}"
    s3.client().create_bucket(Bucket=bucket)
    root = tmp_path / "capture"
    settings = {
        **s3.environment,
        "EVERGREEN_BUNDLE": str(insurance.folder),
        "EVERGREEN_CAPTURE": str(root),
        "EVERGREEN_CAPTURE_BUCKET": bucket,
        "EVERGREEN_CAPTURE_SECONDS": "0.3",
    }
    with service(tmp_path / "log1", **settings) as (process, client):
        eventually(lambda: answers(client))
        answered = load_until_killed(client, lambda: process.send_signal(signal.SIGKILL))
        process.wait()
    kept = len(flat(in_s3(s3, bucket))) + len(flat(on_disk(root)))
    assert kept > 0
    with service(tmp_path / "log2", **{**settings, "EVERGREEN_CAPTURE_SECONDS": "3600"}) as (process, client):
        eventually(lambda: answers(client))
        eventually(lambda: metric(client, "evergreen_capture_pending_bytes") == 0)
        assert metric(client, "evergreen_capture_unclean_starts_total") == 1
        lost = int(metric(client, "evergreen_capture_lost_total") or 0)
        # A row is taken just before its answer leaves, so what was in flight may be counted as well.
        assert answered <= kept + lost <= answered + CALLERS
        assert len(flat(in_s3(s3, bucket))) == kept
        for _ in range(17):
            assert client.post("/predict", json=ROW).status_code == 200
        process.kill()
        process.wait()
    with service(tmp_path / "log3", **settings) as (_, client):
        eventually(lambda: answers(client))
        assert metric(client, "evergreen_capture_lost_total") == 17
    assert '"event": "capture_lost", "rows": 17, "processes": 1' in (tmp_path / "log3").read_text()


def load_until_killed(client: httpx.Client, kill: Callable[[], None]) -> int:
    """Four callers without a pause; the process is killed in mid-flight, after its second file. What was answered."""
    counts = [0] * CALLERS
    over = threading.Event()

    def call(number: int) -> None:
        with httpx.Client(base_url=client.base_url) as own:
            while not over.is_set():
                try:
                    counts[number] += own.post("/predict", json=ROW).status_code == 200
                except httpx.TransportError:
                    return

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for each in callers:
        each.start()
    eventually(lambda: (metric(client, "evergreen_capture_uploaded_rows_total") or 0) > 0)
    time.sleep(0.2)
    kill()
    over.set()
    for each in callers:
        each.join()
    return sum(counts)


PARTITION = ("toy", "dt=2026-11-21/hour=12")


class Process:
    """What a service process holds of a folder."""

    def __init__(self, root: Path, most_bytes: int = 10**6) -> None:
        self.counts = Counts()
        self.files = Files(root, most_bytes=most_bytes, counts=self.counts)
        self.ledger = Ledger(root)

    def write(self, rows: int) -> None:
        self.files.write(PARTITION, [(rows, b"{}\n" * rows)], self.ledger)

    def die(self) -> None:
        """What the kernel does to a killed process: its locks go, its mapping stays in the file."""
        fcntl.flock(self.ledger._file, fcntl.LOCK_UN)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started = []

    def make(**more: int) -> Process:
        started.append(Process(tmp_path, **more))
        return started[-1]

    yield make
    for each in started:
        each.ledger.close()


def test_a_living_process_keeps_its_files_and_its_ledger(start: Callable[..., Process]) -> None:
    one, other = start(), start()
    one.ledger.numbers[0] = 5
    one.write(3)
    assert other.files.inherit() == 0
    assert (other.counts.unclean_starts, other.files.claim()) == (0, None)
    assert one.ledger.path.exists()


def test_rows_of_a_whole_file_are_not_lost_although_nobody_settled_them(
    start: Callable[..., Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = start()
    one.ledger.numbers[0] = 10
    one.write(3)
    with monkeypatch.context() as patch:
        # Killed between the file's last step and its entry in the ledger.
        patch.setattr(one.ledger, "settle", lambda *_: None)
        one.write(4)
    one.ledger.part.write_bytes(b"half")
    one.die()
    heir = start()
    assert heir.files.inherit() == heir.counts.lost == 3
    assert heir.counts.unclean_starts == 1
    assert heir.files.pending == sum(path.stat().st_size for path in tmp_path.rglob("*.gz"))
    assert not one.ledger.part.exists()
    third = start()
    third.files.inherit()
    assert (third.counts.lost, third.counts.unclean_starts) == (0, 0)


def test_rows_that_were_given_up_are_not_lost_again(start: Callable[..., Process]) -> None:
    one = start()
    one.ledger.numbers[0] = 10
    one.write(3)
    one.ledger.settle(5)
    one.die()
    assert start().files.inherit() == 2


def test_what_is_inherited_counts_against_the_bound_and_the_oldest_goes_first(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    one = start()
    for rows in (1, 2, 3):
        one.write(rows)
    one.ledger.close()
    size = max(path.stat().st_size for path in tmp_path.rglob("*.gz"))
    heir = start(most_bytes=2 * size)
    heir.files.inherit()
    assert heir.counts.disk_full == 1
    left = [heir.files.claim(), heir.files.claim(), heir.files.claim()]
    assert [file.rows if file else None for file in left] == [2, 3, None]


def test_empty_folders_go_with_their_last_file(start: Callable[..., Process], tmp_path: Path) -> None:
    one = start()
    one.write(1)
    file = one.files.claim()
    assert file is not None
    one.files.done(file)
    assert not (tmp_path / "toy" / "dt=2026-11-21").exists()
