"""What the real service captured is read back from where it lies: newest first, whole lines, nothing twice."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest

from ml.errors import UserError
from ml.io.captured import Captures
from service.bundle import Bundle
from service.settings import Settings
from tests.service.running import eventually, metric, running
from tests.support.bundles import ROWS, write_bundle
from tests.support.processes import LOOPBACK, free_port
from tests.support.servers import S3

NOW = datetime.now(UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "capture"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "toy")


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket that boto3 finds by the environment alone."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    name = f"capture-{uuid4().hex[:8]}"
    s3.client().create_bucket(Bucket=name)
    return name


@contextmanager
def serving(bundle: Bundle, root: Path, **settings: Any) -> Iterator[httpx.Client]:
    """What is captured is on disk when the block ends."""
    with running(
        Settings(**{"bundle": bundle.folder, "capture": root, "capture_seconds": 3600.0, **settings})
    ) as client:
        yield client


def ask(client: httpx.Client, age: int, request_id: str = "") -> Any:
    headers = {"x-request-id": request_id} if request_id else {}
    return client.post("/predict", json={**ROWS[0], "Age": age}, headers=headers).json()


def line(request_id: str, answered: datetime, index: int = 0, **changes: Any) -> bytes:
    document = {
        "id": request_id, "index": index, "time": answered.isoformat(), "problem": "toy", "version": "1", "digest": "d",
        "features": dict(ROWS[0]), "prediction": 0, "probability": 0.25, "latency_ms": 0.4,
    }  # fmt: skip
    return json.dumps(document | changes).encode() + b"\n"


def name_of(time: datetime, *, rows: int, sequence: int = 1, problem: str = "toy") -> str:
    return f"{problem}/{time:dt=%Y-%m-%d/hour=%H}/0123456789ab-{time:%Y%m%dT%H%M%SZ}-{sequence:06d}-{rows}.jsonl.gz"


def put(root: Path, time: datetime, *lines: bytes, rows: int | None = None, problem: str = "toy") -> Path:
    path = root / name_of(time, rows=len(lines) if rows is None else rows, problem=problem)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path


def upload(s3: S3, bucket: str, root: Path, path: Path) -> None:
    s3.client().put_object(Bucket=bucket, Key=f"capture/{path.relative_to(root)}", Body=path.read_bytes())


def test_rows_come_back_as_they_were_received_and_answered(toy: Bundle, root: Path) -> None:
    with serving(toy, root) as client:
        answers = [ask(client, age, f"r{age}") for age in (20, 30)]
        batch = client.post("/predict/batch", json={"rows": list(ROWS)}, headers={"x-request-id": "all"}).json()
    found = Captures(root, None).last("toy", 100)
    assert found.lost == 0
    assert [(row.request_id, row.index) for row in found.rows] == [
        ("all", 0), ("all", 1), ("all", 2), ("r30", 0), ("r20", 0),
    ]  # fmt: skip
    assert [row.output for row in found.rows] == [*batch["probabilities"], *(a["probability"] for a in answers[::-1])]
    assert [row.features for row in found.rows[:3]] == list(ROWS)
    assert {(row.digest, row.version) for row in found.rows} == {(toy.digest, None)}
    assert all(abs(row.time - datetime.now(UTC)) < timedelta(minutes=1) for row in found.rows)


def test_a_regression_s_output_is_its_value(tmp_path: Path, root: Path) -> None:
    house = write_bundle(tmp_path / "house", name="house", task="regression")
    with serving(house, root) as client:
        answer = ask(client, 20)
    assert [row.output for row in Captures(root, None).last("house", 5).rows] == [answer["prediction"]]
    assert Captures(root, None).last("toy", 5).rows == ()


def test_the_newest_are_taken_and_older_files_are_left_alone(root: Path) -> None:
    for hours in range(40):
        put(root, NOW - timedelta(hours=hours), line(f"r{hours}", NOW - timedelta(hours=hours)))
    put(root, NOW - timedelta(hours=200), rows=1)
    found = Captures(root, None).last("toy", 30)
    assert [row.request_id for row in found.rows] == [f"r{hours}" for hours in range(30)]
    assert found.lost == 0
    assert Captures(root, None).last("toy", 50).lost == 1


def test_what_waits_on_disk_and_what_is_in_s3_come_together(toy: Bundle, root: Path, s3: S3, bucket: str) -> None:
    uploading = {"capture_bucket": bucket, "capture_seconds": 0.05}
    with serving(toy, root, **uploading, s3_endpoint_url=s3.endpoint) as client:
        ask(client, 20, "first")
        eventually(lambda: metric(client, "evergreen_capture_uploaded_rows_total") == 1)
    with serving(toy, root, **uploading, s3_endpoint_url=f"http://{LOOPBACK}:{free_port()}") as client:
        ask(client, 30, "second")
    assert [row.request_id for row in Captures(root, None).last("toy", 9).rows] == ["second"]
    assert [row.request_id for row in Captures(None, bucket).last("toy", 9).rows] == ["first"]
    both = Captures(root, bucket)
    assert [row.request_id for row in both.last("toy", 9).rows] == ["second", "first"]
    assert both.source == f"the capture folder and s3://{bucket}"


def test_a_file_that_is_in_both_places_counts_once(root: Path, s3: S3, bucket: str) -> None:
    upload(s3, bucket, root, put(root, NOW, line("a", NOW), line("b", NOW)))
    assert len(Captures(root, bucket).last("toy", 9).rows) == 2


def test_a_file_that_is_uploaded_while_the_folder_is_read_is_found_in_s3(root: Path, s3: S3, bucket: str) -> None:
    path = put(root, NOW, line("a", NOW))
    reading = Captures(root, bucket)
    disk = reading._stores[0]
    listed = disk.names

    def names(below: str) -> list[str]:
        found = listed(below)
        if path.name in found:
            upload(s3, bucket, root, path)
            path.unlink()
        return found

    object.__setattr__(disk, "names", names)
    assert [row.request_id for row in reading.last("toy", 9).rows] == ["a"]


def test_in_s3_only_the_hours_that_are_needed_are_listed(
    root: Path, s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in (0, 1, 2, 30, 60):
        time = NOW.replace(hour=12) - timedelta(hours=hours)
        upload(s3, bucket, root, put(root, time, *(line(f"r{hours}.{n}", time) for n in range(20))))
    listed: list[str] = []
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: listed.append(params["Prefix"])
    )
    found = Captures(None, bucket).last("toy", 20)
    assert {row.request_id.split(".")[0] for row in found.rows} == {"r0"}
    today = f"capture/toy/{NOW:dt=%Y-%m-%d}/"
    assert listed == ["capture/toy/", today, f"{today}hour=12/"]


@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.05, 0.0])
def test_of_a_file_that_was_cut_off_the_whole_lines_are_read_and_the_others_counted(root: Path, kept: float) -> None:
    count = 3_000
    path = put(root, NOW, *(line(uuid4().hex, NOW, features={"x": uuid4().hex}) for _ in range(count)))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    found = Captures(root, None).last("toy", 10_000)
    assert len(found.rows) + found.lost == count
    assert found.lost > 0
    assert (len(found.rows) > 0.4 * count) == (kept >= 0.5)


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip at all",
        gzip.compress(b"\xff\xfe not JSON\n"),
        gzip.compress(b'{"id": "a"}\n'),
        gzip.compress(line("a", NOW, features=[1])),
        gzip.compress(line("a", NOW, time="yesterday")),
        gzip.compress(line("a", NOW).rstrip(b"\n")[:-5]),
        gzip.compress(line("a", NOW)).replace(b"\x1f", b"\x00", 1),
    ],
    # Named, for a packed file holds the second of its making and workers must collect the same tests.
    ids=["plain", "no text", "a part", "no features", "no time", "cut off", "another magic"],
)
def test_what_cannot_be_read_is_counted_and_keeps_nothing_else_from_being_read(root: Path, content: bytes) -> None:
    put(root, NOW, rows=1).write_bytes(content)
    put(root, NOW - timedelta(hours=1), line("good", NOW - timedelta(hours=1)))
    found = Captures(root, None).last("toy", 9)
    assert [row.request_id for row in found.rows] == ["good"]
    assert found.lost == 1


def test_a_damaged_middle_of_a_file_leaves_its_beginning(root: Path) -> None:
    path = put(root, NOW, *(line(uuid4().hex, NOW, features={"x": uuid4().hex}) for _ in range(4_000)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2_000] = bytes(2_000)
    path.write_bytes(content)
    found = Captures(root, None).last("toy", 10_000)
    assert 1_000 < len(found.rows) < 3_000
    assert len(found.rows) + found.lost == 4_000


def test_what_else_lies_in_the_folder_is_left_alone(toy: Bundle, root: Path) -> None:
    with serving(toy, root) as client:
        ask(client, 20)
    [path] = root.glob("toy/dt=*/hour=*/*")
    for other in (path.with_name("notes.txt"), path.with_name(".hidden.jsonl.gz"), root / "readme", root / "toy" / "x"):
        other.write_text("not captured")
    shutil.copyfile(path, path.with_name("copy-of-" + path.name))
    (root / ".processes" / "0123456789ab.part").write_bytes(b"half a file")
    found = Captures(root, None).last("toy", 9)
    assert (len(found.rows), found.lost) == (1, 0)
    assert Captures(root, None).find("nobody", since=NOW - timedelta(days=9)) is None


def test_where_nothing_was_captured_there_is_nothing(root: Path, bucket: str) -> None:
    for empty in (Captures(root, None), Captures(None, bucket), Captures(root, bucket), Captures(None, None)):
        assert empty.last("toy", 9).rows == ()
        assert empty.find("r", since=NOW - timedelta(days=1)) is None


def test_a_bucket_that_is_not_there_is_told_in_one_sentence(s3: S3, bucket: str) -> None:
    with pytest.raises(UserError, match=r"s3://no-such-bucket/capture/toy/: there is no such object \(NoSuchBucket\)"):
        Captures(None, "no-such-bucket").last("toy", 9)


def test_a_disk_that_refuses_is_told_in_one_sentence(root: Path) -> None:
    (root / name_of(NOW, rows=1)).mkdir(parents=True)
    with pytest.raises(UserError, match=r"jsonl\.gz cannot be read: Is a directory"):
        Captures(root, None).last("toy", 9)


def test_all_rows_of_a_request_are_found_by_its_id_in_the_batch_s_order(
    toy: Bundle, tmp_path: Path, root: Path
) -> None:
    other = write_bundle(tmp_path / "other", name="other")
    with serving(other, root) as client:
        batch = client.post("/predict/batch", json={"rows": list(ROWS)}).json()
    with serving(toy, root) as client:
        single = ask(client, 20)
    reading = Captures(root, None)
    found = reading.find(batch["request_id"], since=NOW - timedelta(hours=1))
    assert found is not None
    assert (found.problem, found.lost) == ("other", 0)
    assert [row.output for row in found.rows] == batch["probabilities"]
    again = reading.find(single["request_id"], since=NOW - timedelta(hours=1))
    assert again is not None
    assert (again.problem, len(again.rows)) == ("toy", 1)


def test_of_requests_with_one_id_the_newest_is_found(toy: Bundle, root: Path) -> None:
    with serving(toy, root) as client:
        ask(client, 20, "mine")
        ask(client, 30, "mine")
    old = NOW - timedelta(hours=3)
    put(root, old, line("mine", old))
    found = Captures(root, None).find("mine", since=NOW - timedelta(days=1))
    assert found is not None
    assert [row.features["Age"] for row in found.rows] == [30]


def test_a_search_ends_at_the_hour_that_it_is_bounded_by(root: Path) -> None:
    old = NOW - timedelta(hours=30)
    put(root, old, line("mine", old), line("cut", old), rows=3)
    reading = Captures(root, None)
    assert reading.find("mine", since=NOW - timedelta(hours=29)) is None
    found = reading.find("mine", since=NOW - timedelta(hours=30, minutes=1))
    assert found is not None
    assert found.lost == 1
