"""One thread of OpenMP and BLAS a test process: workers that share few cores wait for each other's threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    import sklearn.ensemble  # noqa: F401 (only libraries that are loaded can be limited)

    with threadpool_limits(1):
        yield
