"""One trained clone for the tests that only look at it."""

from __future__ import annotations

import pytest

from tests.support.checkout import Checkout, clone


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A clone with a champion for insurance, from a synthetic sample and a change that was not committed."""
    checkout = clone(tmp_path_factory.mktemp("clone"))
    file = checkout.root / "ml" / "core" / "pipeline.py"
    text = file.read_text(encoding="utf-8")
    assert "n_splits=5" in text
    file.write_text(text.replace("n_splits=5", "n_splits=3"), encoding="utf-8")
    checkout.json("train", "insurance", "--data", "synthetic:3000")
    checkout.json("promote", "insurance")
    return checkout
