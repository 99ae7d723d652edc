"""Bundles and running services that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.bundle import Bundle
from service.schema import Feature, Value
from service.settings import Settings
from tests.service.running import RegistryFile, running
from tests.support.bundles import write_bundle

INSURANCE = (
    Feature(name="Gender", kind="category", levels=("Female", "Male"), example="Male"),
    Feature(name="Age", kind="integer", minimum=18, maximum=100, example=49),
    Feature(name="HasDrivingLicense", kind="category", levels=(0, 1), example=1),
    Feature(name="RegionID", kind="category", levels=tuple(range(53)), example=28),
    Feature(name="Switch", kind="category", levels=(0, 1), example=0),
    Feature(name="PastAccident", kind="category", levels=("< 1 Year", "1-2 Year", "> 2 Years"), example="1-2 Year"),
    Feature(name="AnnualPremium", kind="number", minimum=0, maximum=1_000_000, example=1885.05),
)
ROW: dict[str, Value] = {
    "Gender": "Male", "Age": 49, "HasDrivingLicense": 1, "RegionID": 28, "Switch": 0,
    "PastAccident": "1-2 Year", "AnnualPremium": 1885.05,
}  # fmt: skip


@pytest.fixture(scope="session")
def insurance(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "insurance", name="insurance", features=INSURANCE)


@pytest.fixture(scope="module")
def client(insurance: Bundle) -> Iterator[httpx.Client]:
    """A service of the insurance bundle; its counts are shared by the tests of a module."""
    with running(Settings(bundle=insurance.folder)) as client:
        yield client


@pytest.fixture
def registry(tmp_path: Path) -> RegistryFile:
    return RegistryFile(tmp_path / "mlflow.db")


@pytest.fixture
def settings(registry: RegistryFile, tmp_path: Path) -> Settings:
    """A service that follows the champion of `toy`, quickly."""
    return Settings(model="toy", tracking_uri=registry.uri, cache=tmp_path / "cache", poll_seconds=0.05)
