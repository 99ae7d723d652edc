"""Requests that the real service captured, answered again by the champion and by its challenger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.core.frame import frame_of, rows_of
from ml.core.record import Replay
from ml.proof.replaying import replay_captured
from service.bundle import Bundle
from service.predictor import Predictor, load_predictor
from service.schema import CaptureRules
from service.settings import Settings
from tests.service.running import running
from tests.support.bundles import FEATURES, ROWS, write_bundle
from tests.support.models import EVERY_KIND, fitted
from tests.support.problems import make_problem
from tests.support.sealed import sealed

PROBLEM = make_problem(features=FEATURES)
BACKGROUND = frame_of(PROBLEM, ROWS * 10)


def loaded(bundle: Bundle) -> tuple[Bundle, Predictor]:
    return bundle, load_predictor(bundle)


def capture(bundle: Bundle, root: Path, rows: list[dict[str, Any]]) -> httpx.Response:
    """One request a row, but for the last two rows, which are a batch."""
    with running(Settings(bundle=bundle.folder, capture=root, capture_seconds=3600.0)) as client:
        for row in rows[:-2]:
            assert client.post("/predict", json=row).status_code == 200
        return client.post("/predict/batch", json={"rows": rows[-2:]})


def replayed(
    champion: Bundle | None,
    challenger: Bundle,
    root: Path,
    *,
    background: Any = BACKGROUND,
    problem: Any = PROBLEM,
    bucket: str | None = None,
    count: int = 100,
) -> Replay:
    return replay_captured(
        problem,
        None if champion is None else loaded(champion),
        loaded(challenger),
        background=background,
        folder=root,
        bucket=bucket,
        count=count,
        seed=0,
    )


def ages(count: int) -> list[dict[str, Any]]:
    return [{**ROWS[0], "Age": 18 + number % 83, "Premium": number} for number in range(count)]


def test_what_was_captured_is_answered_by_both_as_the_service_would(tmp_path: Path) -> None:
    champion = write_bundle(tmp_path / "champion")
    challenger = write_bundle(tmp_path / "challenger", offset=-0.4)
    answers = capture(champion, tmp_path / "capture", ages(12)).json()["probabilities"]
    found = replayed(champion, challenger, tmp_path / "capture")
    assert (found.status, found.rows, found.skipped, found.source) == ("replayed", 12, 0, "the capture folder")
    assert [changed.champion for changed in found.top if changed.index == 1] == pytest.approx([answers[1]], abs=1e-12)
    again = {changed.features["Age"]: changed.challenger for changed in found.top}
    one = load_predictor(challenger).one
    assert again == pytest.approx({row["Age"]: one(row) for row in ages(12)}, abs=1e-12)
    assert found.mean < -0.1
    assert set(found.latency) == {"challenger", "champion"}
    assert all(0 < each.median_ms < 50 for each in found.latency.values())


def test_a_better_fit_of_another_family_shows_what_drives_its_changes(tmp_path: Path) -> None:
    champion, challenger = fitted("linear", "one_hot"), fitted("gradient_boosting", "ordinal")
    bundles = sealed(champion, tmp_path / "champion"), sealed(challenger, tmp_path / "challenger")
    rows = rows_of(champion.problem, champion.rows.tail(150))
    capture(bundles[0], tmp_path / "capture", rows)
    found = replayed(
        *bundles, tmp_path / "capture", background=champion.rows.head(500), problem=champion.problem, count=120
    )
    assert (found.rows, len(found.top)) == (120, 20)
    sizes = [abs(changed.challenger - changed.champion) for changed in found.top]
    assert sizes == sorted(sizes, reverse=True)
    names = {feature.name for feature in EVERY_KIND}
    for changed in found.top:
        assert 1 <= len(changed.drivers) <= 5
        assert {driver.feature for driver in changed.drivers} <= names
        assert all(driver.value == changed.features[driver.feature] for driver in changed.drivers)


def test_without_a_champion_nothing_is_replayed(tmp_path: Path) -> None:
    found = replayed(None, write_bundle(tmp_path / "b"), tmp_path / "capture")
    assert (found.status, found.said) == ("no_champion", "There is no champion yet whose answers could change.")


def test_where_nothing_was_captured_it_is_said(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "b")
    found = replayed(bundle, bundle, tmp_path / "capture")
    assert found.status == "not_captured"
    assert found.said == "No request has been captured yet: the capture folder has no rows of toy."


def test_captures_that_cannot_be_read_are_told_and_prevent_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: Any
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    bundle = write_bundle(tmp_path / "b")
    found = replayed(bundle, bundle, tmp_path / "capture", bucket="no-such-bucket")
    assert found.status == "not_captured"
    assert "s3://no-such-bucket/capture/toy/: there is no such object" in found.said


def test_rows_without_what_the_rules_dropped_or_hashed_are_not_replayed(tmp_path: Path) -> None:
    rules = CaptureRules(drop=("Gender",), hash=("Age",))
    champion = write_bundle(tmp_path / "champion", capture=rules)
    capture(champion, tmp_path / "capture", ages(5))
    for challenger in (champion, write_bundle(tmp_path / "challenger", offset=0.1)):
        found = replayed(champion, challenger, tmp_path / "capture")
        assert (found.status, found.skipped) == ("not_replayable", 5)
        assert found.said == "Captured rows cannot be scored again: the capture rules drop 'Gender' and hash 'Age'."


def test_lines_that_were_lost_count_among_the_skipped(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "b")
    capture(bundle, tmp_path / "capture", ages(400))
    [path] = (tmp_path / "capture").glob("toy/*/*/*.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-40])
    found = replayed(bundle, bundle, tmp_path / "capture", count=1000)
    assert 0 < found.skipped < 400
    assert found.rows + found.skipped == 400
    assert (found.changed, found.top) == (0, ())
