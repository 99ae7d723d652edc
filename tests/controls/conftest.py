"""Each problem's versions are made once, by the worker that has its group of tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.controls.scene import Scene
from tests.ml.conftest import one_thread  # noqa: F401

Scenes = Callable[[str, int], Scene]


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """The scene of a problem and a seed."""
    return cache(lambda problem, seed: Scene(problem, tmp_path_factory.mktemp(problem), seed=seed))
