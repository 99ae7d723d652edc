"""Real tables that the tests may use and the project does not contain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
VARIABLE = "EVERGREEN_TEST_DATA"


def data_file(name: str) -> Path:
    """A table of the folder that EVERGREEN_TEST_DATA names, or of shared/data beside the repository; else a skip."""
    folder = Path(os.environ.get(VARIABLE) or REPOSITORY.parent / "shared" / "data")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {folder}; {VARIABLE} names another folder")
    return path
