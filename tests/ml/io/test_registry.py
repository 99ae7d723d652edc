from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.io import tags
from ml.io.artifacts import fetch_artifact, fetch_bundle, log_proof
from ml.io.locks import lock
from ml.io.registry import (
    ChampionMovedError,
    NoChampionError,
    NoSuchVersionError,
    NothingToRollBackToError,
    Registry,
)
from ml.io.tracking import BusyError, Tracking, TrackingError
from service.bundle import BundleError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def aliases(registry: Registry) -> dict[str, int]:
    return {alias: version.number for version in registry.versions() for alias in version.aliases}


def test_versions_are_listed_newest_first_with_the_metrics_of_their_runs(registry: Registry) -> None:
    versions = registry.versions()
    assert [version.number for version in versions] == [3, 2, 1]
    assert len({version.digest for version in versions}) == 3
    assert all(version.metrics["roc_auc_low"] == 0.78 for version in versions)
    assert all(version.created.tzinfo is not None and version.run_id for version in versions)


def test_a_model_that_was_never_registered_has_no_versions(tracking: Tracking) -> None:
    registry = Registry(tracking, "unknown")
    assert registry.versions() == ()
    assert registry.aliased(tags.CHALLENGER) is None
    with pytest.raises(NoSuchVersionError, match="unknown has no version 1"):
        registry.set_challenger(1)
    with pytest.raises(NoChampionError, match="unknown has no champion"):
        registry.rollback("bad")


def test_promoting_moves_the_champion_to_previous(registry: Registry) -> None:
    registry.set_challenger(1)
    assert aliases(registry) == {"challenger": 1}
    registry = replace(registry, clock=lambda: NOON)
    released = registry.promote(1, expected=None, by="ada", extra_tags={tags.DECISION_SHA256: "abc"})
    assert aliases(registry) == {"champion": 1}
    assert released == registry.champion()
    assert released.released_at == "2026-03-01T12:00:00+00:00"
    assert released.tags[tags.RELEASED_BY] == "ada"
    assert released.tags[tags.DECISION_SHA256] == "abc"
    registry.set_challenger(3)
    registry.promote(2, expected=1, by="ada")
    assert aliases(registry) == {"champion": 2, "previous": 1, "challenger": 3}


def test_promoting_the_champion_again_changes_nothing(registry: Registry) -> None:
    registry.promote(1, expected=None, by="ada")
    registry.promote(2, expected=1, by="ada")
    registry.promote(2, expected=1, by="bob")
    assert aliases(registry) == {"champion": 2, "previous": 1}
    assert registry.champion().tags[tags.RELEASED_BY] == "ada"


@pytest.mark.parametrize("expected", [None, 3])
def test_a_version_compared_with_another_champion_is_refused(registry: Registry, expected: int | None) -> None:
    registry.promote(1, expected=None, by="ada")
    with pytest.raises(ChampionMovedError, match="the champion of line is version 1"):
        registry.promote(2, expected=expected, by="ada")
    assert aliases(registry) == {"champion": 1}
    assert registry.version(2).released_at is None


def test_a_first_release_is_refused_when_a_champion_was_expected(registry: Registry) -> None:
    with pytest.raises(ChampionMovedError, match="is not set, not version 1"):
        registry.promote(2, expected=1, by="ada")
    assert aliases(registry) == {}


def test_a_rollback_brings_the_previous_version_back_and_says_why(registry: Registry) -> None:
    registry.promote(1, expected=None, by="ada")
    registry.promote(2, expected=1, by="ada")
    rolled = replace(registry, clock=lambda: NOON).rollback("complaints from Kyiv")
    assert aliases(registry) == {"champion": 1, "previous": 2}
    assert (rolled.champion.number, rolled.taken_out.number) == (1, 2)
    assert rolled.taken_out.rolled_back == "2026-03-01T12:00:00+00:00: complaints from Kyiv"
    assert registry.version(2) == rolled.taken_out


def test_a_second_rollback_undoes_the_first(registry: Registry) -> None:
    registry.promote(1, expected=None, by="ada")
    registry.promote(2, expected=1, by="ada")
    registry.rollback("by mistake")
    registry.rollback("it was a mistake")
    assert aliases(registry) == {"champion": 2, "previous": 1}
    assert registry.version(2).rolled_back is None
    assert registry.version(1).rolled_back is not None


def test_promoting_a_rolled_back_version_clears_its_mark(registry: Registry) -> None:
    registry.promote(1, expected=None, by="ada")
    registry.promote(2, expected=1, by="ada")
    registry.rollback("too early")
    assert registry.promote(2, expected=1, by="bob").rolled_back is None
    assert aliases(registry) == {"champion": 2, "previous": 1}


def test_a_first_release_cannot_be_rolled_back(registry: Registry) -> None:
    with pytest.raises(NoChampionError):
        registry.champion()
    registry.promote(1, expected=None, by="ada")
    with pytest.raises(NothingToRollBackToError, match="line has no release before version 1"):
        registry.rollback("bad")
    assert aliases(registry) == {"champion": 1}
    assert registry.champion().rolled_back is None


def test_a_version_that_does_not_exist_is_named(registry: Registry) -> None:
    for attempt in (
        lambda: registry.version(99),
        lambda: registry.set_challenger(99),
        lambda: registry.promote(99, expected=None, by="ada"),
        lambda: log_proof(registry, 99, b"{}", b""),
    ):
        with pytest.raises(NoSuchVersionError, match="line has no version 99"):
            attempt()
    assert aliases(registry) == {}


def test_a_decision_is_kept_with_its_run_and_its_digest_with_the_version(registry: Registry, tmp_path: Path) -> None:
    decision = b'{"promote": true}'
    digest = log_proof(registry, 2, decision, b"<!doctype html>")
    version = registry.version(2)
    assert digest == hashlib.sha256(decision).hexdigest() == version.tags[tags.DECISION_SHA256]
    assert fetch_artifact(registry.tracking, version, "decision.json", tmp_path).read_bytes() == decision
    assert fetch_artifact(registry.tracking, version, "report.html", tmp_path).read_bytes() == b"<!doctype html>"


def test_an_artifact_that_is_not_there_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"nothing\.txt of line version 1 cannot be read: "):
        fetch_artifact(registry.tracking, registry.version(1), "nothing.txt", tmp_path)


def test_a_fetched_bundle_is_used_again_only_as_long_as_it_is_whole(registry: Registry, tmp_path: Path) -> None:
    version = registry.version(1)
    bundle = fetch_bundle(registry.tracking, version, tmp_path / "bundle")
    assert fetch_bundle(registry.tracking, version, tmp_path / "bundle") == bundle
    (bundle.folder / "card.json").write_text("{}")
    with pytest.raises(BundleError, match=r"card\.json is altered"):
        fetch_bundle(registry.tracking, version, tmp_path / "bundle")


def test_a_bundle_that_was_tampered_with_in_the_store_is_refused(registry: Registry, tmp_path: Path) -> None:
    version = registry.version(3)
    forged = tmp_path / "program.json"
    forged.write_text('{"format": 1}')
    with registry.tracking.session() as client:
        client.log_artifact(version.run_id, str(forged), "bundle")
    with pytest.raises(BundleError, match=r"program\.json is altered"):
        fetch_bundle(registry.tracking, version, tmp_path / "into" / "bundle")
    assert list((tmp_path / "into").iterdir()) == []


def test_a_bundle_of_another_version_is_refused(registry: Registry, tmp_path: Path) -> None:
    swapped = replace(registry.version(1), run_id=registry.version(2).run_id)
    with pytest.raises(BundleError, match="is not the expected"):
        fetch_bundle(registry.tracking, swapped, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.xdist_group("mlflow-embedded")
@pytest.mark.parametrize("tracking", ["embedded"], indirect=True)  # a server has no lock to show
def test_of_releases_at_the_same_moment_one_wins(registry: Registry) -> None:
    outcomes: list[object] = []

    def promote(number: int) -> None:
        try:
            outcomes.append(registry.promote(number, expected=None, by="ada").number)
        except ChampionMovedError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=promote, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(outcomes) == 3
    assert len(winners) == 1
    assert aliases(registry) == {"champion": winners[0]}


def test_a_lock_that_is_held_for_too_long_is_reported(embedded: Tracking) -> None:
    hasty = replace(embedded, lock_seconds=0.1)
    with lock(hasty, "held"), pytest.raises(BusyError, match="another process is releasing held"):
        Registry(hasty, "held").rollback("bad")


def test_tags_that_people_set_themselves_are_in_nobodys_way(registry: Registry) -> None:
    with registry.tracking.session() as client:
        client.set_registered_model_tag("line", "evergreen.event.party", "on friday")
    registry.promote(1, expected=None, by="ada")
    assert [(event.happened, event.version) for event in registry.events()] == [("released", 1)]


def test_an_event_that_cannot_be_read_is_named_in_one_sentence(registry: Registry) -> None:
    registry.promote(1, expected=None, by="ada")
    with registry.tracking.session() as client:
        client.set_registered_model_tag("line", "evergreen.event.000002.ab", '{"happened":"sold"}')
    with pytest.raises(
        TrackingError, match=r"^what happened to a release cannot be read \(evergreen.event.000002.ab\)"
    ):
        registry.events()
    registry.promote(2, expected=1, by="ada")
    assert registry.champion().number == 2
