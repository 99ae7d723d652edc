from __future__ import annotations

import json
import logging
import os
from functools import partial
from pathlib import Path

import pytest

from service.bundle import GOLDEN, Bundle, file_digests, seal
from service.cache import Cache
from service.connect import connect
from service.loaded import prepare
from service.metrics import Metrics
from service.predictor import load_predictor
from service.registry import FetchError, Registry, Release
from service.settings import Settings
from service.slot import Slot
from service.watcher import MAX_PAUSE, Watcher
from tests.service.running import RegistryFile
from tests.support.bundles import write_bundle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """The registry of the settings, with its downloads counted."""

    def __init__(self, settings: Settings) -> None:
        registry = connect(settings)
        assert registry is not None
        self._registry: Registry = registry
        self.fetches = 0

    def champion(self) -> Release:
        return self._registry.champion()

    def fetch(self, release: Release, into: Path) -> None:
        self.fetches += 1
        self._registry.fetch(release, into)


class Looking:
    """A watcher that looks when it is told to."""

    def __init__(self, settings: Settings) -> None:
        self.registry, self.slot, self.clock = Counting(settings), Slot(), Clock()
        self.cache = Cache(settings.cache, name="toy", origin=settings.tracking_uri)
        self.watcher = Watcher(
            self.registry,
            cache=self.cache,
            slot=self.slot,
            metrics=Metrics(self.slot),
            prepare=partial(prepare, load=load_predictor, max_rows=10, now=0.0),
            poll_seconds=5.0,
            clock=self.clock,
        )

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.watcher.step()


@pytest.fixture
def looking(settings: Settings) -> Looking:
    return Looking(settings)


@pytest.fixture
def bundle(tmp_path: Path, registry: RegistryFile) -> Bundle:
    bundle = write_bundle(tmp_path / "bundle")
    registry.register(1, bundle)
    registry.release(1)
    return bundle


def test_each_change_of_state_is_one_log_line_however_often_it_looks(
    looking: Looking, registry: RegistryFile, bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    looking.look(3)
    with registry.away():
        looking.look(3)
    looking.look(3)
    registry.withdraw()
    looking.look(3)
    events = [record.getMessage() for record in caplog.records]
    assert events == ["model_loaded", "following", "unreachable", "following", "no_such_alias"]


def test_a_refused_bundle_is_tried_again_ever_more_rarely_and_taken_once_repaired(
    looking: Looking, bundle: Bundle
) -> None:
    card = bundle.folder / "card.json"
    good = card.read_bytes()
    card.write_bytes(b"{}")
    looking.look(4)
    assert looking.registry.fetches == 1
    for expected in (2, 3, 4):
        looking.clock.now += MAX_PAUSE
        looking.look(3)
        assert looking.registry.fetches == expected
    looking.clock.now += 6.0
    looking.look()
    assert looking.registry.fetches == 4
    assert looking.slot.current is None
    card.write_bytes(good)
    looking.clock.now += MAX_PAUSE
    looking.look()
    assert looking.slot.current is not None


def test_a_bundle_that_is_in_the_cache_is_not_fetched_again(
    looking: Looking, settings: Settings, bundle: Bundle
) -> None:
    looking.look(2)
    again = Looking(settings)
    again.look(2)
    assert (looking.registry.fetches, again.registry.fetches) == (1, 0)
    assert again.slot.current is not None
    assert again.slot.current.origin == "registry"


def test_a_refused_release_at_the_start_falls_back_to_the_copy(
    looking: Looking, settings: Settings, registry: RegistryFile, bundle: Bundle, tmp_path: Path
) -> None:
    looking.look()
    registry.register(2, bundle, digest="f" * 64)
    registry.release(2)
    again = Looking(settings)
    again.look()
    assert again.slot.current is not None
    assert (again.slot.current.origin, again.slot.current.version) == ("disk", "1")


def test_a_version_without_a_bundle_of_ours_is_named_as_such(
    looking: Looking, registry: RegistryFile, bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    registry.register(2, bundle, digest="not a digest")
    registry.release(2)
    looking.look()
    assert looking.slot.current is None
    assert "not_a_bundle" in caplog.messages


def test_a_failed_fetch_leaves_nothing_behind(looking: Looking, bundle: Bundle, tmp_path: Path) -> None:
    def fetch(release: Release, into: Path) -> None:
        (into / "half").write_text("x")
        raise FetchError("the line went dead")

    with pytest.raises(FetchError):
        looking.cache.hold(looking.registry.champion(), fetch)
    assert list((tmp_path / "cache" / "toy").iterdir()) == []


def test_a_download_that_a_killed_process_left_is_swept_away_later(
    looking: Looking, bundle: Bundle, tmp_path: Path
) -> None:
    old, young = (tmp_path / "cache" / "toy" / f".incoming-{age}" for age in ("old", "young"))
    for folder in (old, young):
        (folder / "bundle").mkdir(parents=True)
    os.utime(old, (0, 0))
    looking.look()
    assert looking.slot.current is not None
    assert (old.exists(), young.exists()) == (False, True)


def test_a_damaged_pointer_is_no_pointer(looking: Looking, bundle: Bundle, tmp_path: Path) -> None:
    looking.look()
    assert looking.cache.remembered() is not None
    pointer = tmp_path / "cache" / "toy" / "current.json"
    for damage in ("", "[]", '{"release": {}}', pointer.read_text().replace(bundle.digest, "../../bundle")):
        pointer.write_text(damage)
        assert looking.cache.remembered() is None


def test_a_sealed_bundle_whose_numbers_are_not_its_golden_ones_is_refused(
    looking: Looking, registry: RegistryFile, bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    path = bundle.folder / GOLDEN
    golden = json.loads(path.read_bytes())
    golden["outputs"][0] += 0.001
    path.write_text(json.dumps(golden))
    content = bundle.manifest.content.model_copy(update={"files": file_digests(bundle.folder)})
    registry.register(2, seal(bundle.folder, content, {}))
    registry.release(2)
    looking.look()
    assert looking.slot.current is None
    (record,) = [record for record in caplog.records if record.getMessage() == "bundle_refused"]
    assert "golden rows differ" in vars(record)["fields"]["detail"]
