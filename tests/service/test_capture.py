"""What the service keeps of its predictions, on disk and in a real S3."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.bundle import Bundle
from service.capture.capture import CaptureError
from service.schema import CaptureRules, Feature
from service.settings import Settings
from tests.service.conftest import INSURANCE, ROW
from tests.service.running import eventually, metric, running
from tests.support.bundles import write_bundle
from tests.support.captured import flat, in_s3, on_disk
from tests.support.processes import LOOPBACK, free_port
from tests.support.servers import S3

FILE = r"insurance/dt=\d{4}-\d{2}-\d{2}/hour=\d{2}/[0-9a-f]{12}-\d{8}T\d{6}Z-\d{6}-\d+\.jsonl\.gz"
BODY = (
    '{\n  "Age": 49.0, "Gender": "Male", "HasDrivingLicense": 1, "RegionID": 28,\r\n "Switch": 0, '
    '"PastAccident": "1-2 Year", "AnnualPremium": 1.88505e3}\n'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "capture"


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a bucket that nobody has made yet."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"capture-{uuid4().hex[:8]}"


def keeping(bundle: Bundle, root: Path, **more: Any) -> Settings:
    """By default it writes at the end only, so that a test sees all at once."""
    return Settings(**{"bundle": bundle.folder, "capture": root, "capture_seconds": 3600.0, **more})


def uploading(bundle: Bundle, root: Path, s3: S3, bucket: str) -> Settings:
    return keeping(bundle, root, capture_bucket=bucket, s3_endpoint_url=s3.endpoint, capture_seconds=0.05)


def dropped(client: httpx.Client, reason: str) -> float | None:
    return metric(client, f'evergreen_capture_dropped_total{{reason="{reason}"}}')


def test_without_a_folder_nothing_is_kept_and_nothing_counted(insurance: Bundle) -> None:
    with running(Settings(bundle=insurance.folder)) as client:
        client.post("/predict", json=ROW)
        assert "evergreen_capture" not in client.get("/metrics").text


def test_a_row_is_kept_as_it_was_received_with_what_was_answered(insurance: Bundle, root: Path) -> None:
    with running(keeping(insurance, root)) as client:
        answer = client.post("/predict", content=BODY, headers={"x-request-id": "mine.1"}).json()
        assert metric(client, "evergreen_capture_rows_total") == 1
    [(name, [row])] = on_disk(root).items()
    assert re.fullmatch(FILE, name)
    when = datetime.fromisoformat(row.pop("time"))
    assert timedelta(seconds=-1) < datetime.now(UTC) - when < timedelta(minutes=1)
    assert f"{when:dt=%Y-%m-%d/hour=%H}" in name
    assert 0 < row.pop("latency_ms") < 60_000
    assert row == {
        "id": "mine.1",
        "index": 0,
        "problem": "insurance",
        "version": None,
        "digest": insurance.digest,
        "features": json.loads(BODY),
        "prediction": answer["prediction"],
        "probability": answer["probability"],
    }


def test_the_rows_of_a_batch_share_their_id_and_are_numbered(insurance: Bundle, root: Path) -> None:
    rows = [{**ROW, "Age": 18 + n % 83, "AnnualPremium": n + 0.5} for n in range(1000)]
    with running(keeping(insurance, root)) as client:
        answer = client.post("/predict/batch", content=json.dumps({"rows": rows}, indent=1)).json()
    found = flat(on_disk(root))
    assert [row["features"] for row in found] == rows
    assert [row["index"] for row in found] == list(range(1000))
    assert {row["id"] for row in found} == {answer["request_id"]}
    assert [row["probability"] for row in found] == answer["probabilities"]


def test_braces_and_quotes_inside_texts_do_not_end_a_row(tmp_path: Path, root: Path) -> None:
    levels = ('a "}', "b {", "[c", "d\\", 'e\\"}')
    bundle = write_bundle(tmp_path / "b", features=(Feature(name="x", kind="category", levels=levels, example="b {"),))
    rows = [{"x": level} for level in levels]
    with running(keeping(bundle, root)) as client:
        assert client.post("/predict/batch", json={"rows": rows}).status_code == 200
        assert client.post("/predict", json=rows[-1]).status_code == 200
    assert [row["features"] for row in flat(on_disk(root))] == [*rows, rows[-1]]


def test_what_is_refused_is_not_kept(insurance: Bundle, root: Path) -> None:
    with running(keeping(insurance, root)) as client:
        assert client.post("/predict", json={**ROW, "Age": 7}).status_code == 422
        assert client.post("/predict/batch", json={"rows": [ROW, {}]}).status_code == 422
        assert metric(client, "evergreen_capture_rows_total") == 0
    assert on_disk(root) == {}


def test_a_regression_has_a_value_and_no_probability(tmp_path: Path, root: Path) -> None:
    bundle = write_bundle(tmp_path / "b", name="house", task="regression", features=INSURANCE)
    with running(keeping(bundle, root)) as client:
        answer = client.post("/predict", json=ROW).json()
    [row] = flat(on_disk(root))
    assert row["prediction"] == answer["prediction"]
    assert "probability" not in row


def test_a_column_that_the_problem_drops_is_not_kept_and_one_that_it_hashes_only_as_a_hash(
    tmp_path: Path, root: Path
) -> None:
    rules = CaptureRules(drop=("Gender",), hash=("Age", "RegionID"))
    bundle = write_bundle(tmp_path / "b", features=INSURANCE, capture=rules)
    for key in ("", "secret"):
        with running(keeping(bundle, root, capture_key=key)) as client:
            client.post("/predict", json=ROW)
            client.post("/predict/batch", json={"rows": [{**ROW, "Age": 49.0}, {**ROW, "Age": 50}]})
    rows = [row["features"] for row in flat(on_disk(root))]
    assert all(set(row) == set(ROW) - {"Gender"} for row in rows)
    assert all(re.fullmatch(r"[0-9a-f]{32}", row[name]) for row in rows for name in ("Age", "RegionID"))
    ages = sorted(row["Age"] for row in rows)
    assert len(set(ages)) == 4, "two ages, each under two keys; 49 and 49.0 are one"
    assert {row["AnnualPremium"] for row in rows} == {ROW["AnnualPremium"]}


def test_a_share_is_chosen_by_the_request_s_id_and_a_batch_stays_whole(insurance: Bundle, root: Path) -> None:
    with running(keeping(insurance, root, capture_share=0.5)) as client:
        for n in range(100):
            client.post("/predict/batch", json={"rows": [ROW, ROW]}, headers={"x-request-id": f"r{n}"})
    ids = [row["id"] for row in flat(on_disk(root))]
    assert all(ids.count(each) == 2 for each in ids)
    kept = set(ids)
    assert 30 <= len(kept) <= 70
    with running(keeping(insurance, root / "again", capture_share=0.5)) as client:
        for n in range(100):
            client.post("/predict", json=ROW, headers={"x-request-id": f"r{n}"})
    assert {row["id"] for row in flat(on_disk(root / "again"))} == kept


def test_the_problem_s_share_counts_too(tmp_path: Path, root: Path) -> None:
    bundle = write_bundle(tmp_path / "b", features=INSURANCE, capture=CaptureRules(share=0.0))
    with running(keeping(bundle, root)) as client:
        assert client.post("/predict", json=ROW).status_code == 200
    assert on_disk(root) == {}


def test_rows_reach_s3_under_their_problem_and_hour_and_leave_the_disk(
    insurance: Bundle, root: Path, s3: S3, bucket: str
) -> None:
    s3.client().create_bucket(Bucket=bucket)
    with running(uploading(insurance, root, s3, bucket)) as client:
        for n in range(20):
            client.post("/predict", json={**ROW, "AnnualPremium": n})
        eventually(lambda: metric(client, "evergreen_capture_uploaded_rows_total") == 20)
        assert metric(client, "evergreen_capture_written_rows_total") == 20
        assert metric(client, "evergreen_capture_pending_bytes") == 0
        assert (metric(client, "evergreen_capture_last_upload_timestamp_seconds") or 0) > 1.7e9
        for n in range(20, 30):
            client.post("/predict", json={**ROW, "AnnualPremium": n})
    found = in_s3(s3, bucket)
    assert all(re.fullmatch("capture/" + FILE, key) for key in found)
    assert sorted(row["features"]["AnnualPremium"] for row in flat(found)) == list(range(30))
    assert [path for path in root.rglob("*") if path.is_file()] == []
    [key, *_] = found
    head = s3.client().head_object(Bucket=bucket, Key=key)
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head


def test_while_s3_refuses_callers_are_answered_and_later_everything_arrives(
    insurance: Bundle, root: Path, s3: S3, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with running(uploading(insurance, root, s3, bucket)) as client:
        client.post("/predict", json=ROW)
        eventually(lambda: (metric(client, "evergreen_capture_upload_errors_total") or 0) >= 2)
        for _ in range(50):
            assert client.post("/predict", json=ROW).status_code == 200
        eventually(lambda: metric(client, "evergreen_capture_written_rows_total") == 51)
        assert (metric(client, "evergreen_capture_pending_bytes") or 0) > 0
        assert metric(client, "evergreen_capture_uploaded_rows_total") == 0
        s3.client().create_bucket(Bucket=bucket)
        eventually(lambda: metric(client, "evergreen_capture_uploaded_rows_total") == 51)
    assert len(flat(in_s3(s3, bucket))) == 51
    said = [record.message for record in caplog.records if record.message.startswith("capture")]
    assert said == ["capture_upload_failing", "capture_upload_recovered"]


def test_what_could_not_be_uploaded_before_the_end_is_uploaded_by_the_next_process(
    insurance: Bundle, root: Path, s3: S3, bucket: str
) -> None:
    s3.client().create_bucket(Bucket=bucket)
    away = uploading(insurance, root, S3(f"http://{LOOPBACK}:{free_port()}", bucket), bucket)
    with running(away) as client:
        client.post("/predict", json=ROW)
    assert len(flat(on_disk(root))) == 1
    with running(uploading(insurance, root, s3, bucket)) as client:
        eventually(lambda: metric(client, "evergreen_capture_uploaded_rows_total") == 1)
        assert metric(client, "evergreen_capture_unclean_starts_total") == 0
        assert metric(client, "evergreen_capture_lost_total") == 0
    assert len(flat(in_s3(s3, bucket))) == 1


def test_a_full_memory_drops_and_counts_whole_requests_and_answers_them(
    insurance: Bundle, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is written before the end: the thread that would make room does not wake.
    monkeypatch.setattr("service.capture.capture.Capture.flush", lambda _: None)
    rows = {"rows": [ROW] * 4000}
    with running(keeping(insurance, root, capture_buffer_megabytes=1)) as client:
        for _ in range(3):
            assert client.post("/predict/batch", json=rows).status_code == 200
        assert metric(client, "evergreen_capture_rows_total") == 4000
        assert dropped(client, "buffer_full") == 8000


def test_memory_that_fills_is_written_before_its_time(insurance: Bundle, root: Path) -> None:
    rows = {"rows": [ROW] * 4000}
    with running(keeping(insurance, root, capture_buffer_megabytes=2)) as client:
        for _ in range(3):
            client.post("/predict/batch", json=rows)
        eventually(lambda: (metric(client, "evergreen_capture_written_rows_total") or 0) >= 8000)
        assert dropped(client, "buffer_full") == 0
    assert len(flat(on_disk(root))) == 12_000


def test_a_full_disk_gives_up_the_oldest_files_and_counts_their_rows(
    insurance: Bundle, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.capture.capture.MEGABYTE", 4096)
    settings = keeping(insurance, root, capture_seconds=0.05, capture_megabytes=1, capture_buffer_megabytes=1000)
    with running(settings) as client:
        sent = 0
        while not dropped(client, "disk_full"):
            client.post("/predict", json={**ROW, "AnnualPremium": sent})
            sent += 1
            assert sent < 5000
        eventually(lambda: metric(client, "evergreen_capture_written_rows_total") == sent)
        lost = dropped(client, "disk_full")
        assert (metric(client, "evergreen_capture_pending_bytes") or 0) <= 4096
    assert lost
    kept = [row["features"]["AnnualPremium"] for row in flat(on_disk(root))]
    assert sorted(kept) == list(range(int(lost), sent))


def test_a_disk_that_fails_costs_the_rows_and_nothing_else(
    insurance: Bundle, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with running(keeping(insurance, root, capture_seconds=0.05)) as client:
        (root / "insurance").write_text("in the way")
        for _ in range(2):
            before = dropped(client, "disk_error") or 0
            assert client.post("/predict", json=ROW).status_code == 200
            eventually(lambda before=before: dropped(client, "disk_error") == before + 1)  # type: ignore[misc]
        (root / "insurance").unlink()
        client.post("/predict", json=ROW)
        eventually(lambda: metric(client, "evergreen_capture_written_rows_total") == 1)
    said = [record.message for record in caplog.records if record.message.startswith("capture")]
    assert said == ["capture_disk_failing", "capture_disk_recovered"]


def test_a_folder_that_takes_nothing_is_told_at_once(insurance: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CaptureError, match=r"EVERGREEN_CAPTURE: .* cannot be written to: "), running(
        keeping(insurance, tmp_path / "file" / "capture")
    ):  # fmt: skip
        pass
