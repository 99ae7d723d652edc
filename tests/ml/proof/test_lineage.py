"""A version's lineage is what its registry entry, its run and its bundle recorded, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from ml.core.record import Lineage
from ml.io import tags
from ml.io.registry import Registry, Version
from ml.io.runs import log_run
from ml.io.tracking import Tracking
from ml.proof.lineage import lineage, trained_at
from service.bundle import Bundle
from tests.support.runs import training_run

pytestmark = pytest.mark.xdist_group("mlflow-embedded")

OBJECT = "s3://raw/toy/june%201.csv?versionId=a%2Bb"


class Logged(NamedTuple):
    tracking: Tracking
    version: Version
    bundle: Bundle

    def told(self, **changes: Any) -> Lineage:
        return lineage(self.tracking, replace(self.version, **changes), self.bundle)

    def told_of(self, source: str) -> Lineage:
        return self.told(tags={**self.version.tags, tags.SOURCE: source})

    def sealed(self, **provenance: str) -> Bundle:
        manifest = self.bundle.manifest.model_copy(update={"provenance": provenance})
        return replace(self.bundle, manifest=manifest)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    tracking, folder = Tracking.embedded(tmp_path_factory.mktemp("var")), tmp_path_factory.mktemp("run")
    run = training_run(folder, name="whole", source=OBJECT, triggered_by="a schedule", image="i@sha256:1")
    version = Registry(tracking, "whole").version(log_run(tracking, run).version)
    return Logged(tracking, version, run.bundle)


def test_everything_that_was_recorded_is_told(logged: Logged) -> None:
    assert logged.told() == Lineage(
        git_commit="0123456789abcdef0123456789abcdef01234567",
        git_dirty=True,
        data_source=OBJECT,
        data_digest="d",
        data_version="a+b",
        params_digest="p",
        params={"C": "1.0", "family": "linear", "seed": "7"},
        environment_digest="e",
        run_id=logged.version.run_id,
        bundle_digest=logged.bundle.digest,
        image="i@sha256:1",
        triggered_by="a schedule",
        reason="data changed",
        trained_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_what_was_not_recorded_is_empty(logged: Logged) -> None:
    told = logged.told(tags={}, run_id="")
    assert (told.git_commit, told.git_dirty, told.data_source, told.data_version) == ("", False, "", "")
    assert (told.image, told.triggered_by, told.reason, told.run_id, told.params) == ("", "", "", "", {})
    assert told.bundle_digest == logged.bundle.digest


@pytest.mark.parametrize("source", ["s3://raw/toy/june.csv", "s3://", "s3://raw/x?versionId=", "june.csv?versionId=7"])
def test_a_source_that_names_no_version_of_an_object_has_none(logged: Logged, source: str) -> None:
    told = logged.told_of(source)
    assert (told.data_source, told.data_version) == (source, "")


@pytest.mark.parametrize("provenance", [{}, {"created_at": "yesterday"}, {"created_at": "2026-01-01T00:00:00"}])
def test_a_bundle_that_does_not_say_when_it_was_made_is_as_old_as_its_version(
    logged: Logged, provenance: dict[str, str]
) -> None:
    assert trained_at(logged.version, logged.sealed(**provenance)) == logged.version.created


def test_a_bundle_is_as_old_as_it_says_whenever_it_was_registered(logged: Logged) -> None:
    moment = datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert trained_at(logged.version, logged.sealed(created_at=moment.isoformat())) == moment
