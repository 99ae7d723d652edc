"""A registered version comes out again from what was recorded of it."""

from __future__ import annotations

import pytest

from ml.io.registry import Registry
from tests.support.checkout import Checkout

pytestmark = pytest.mark.xdist_group("loop")


def test_retraining_gives_the_same_bundle_from_the_commit_and_the_uncommitted_change(trained: Checkout) -> None:
    """Whatever the checkout looks like by then; nothing in it changes."""
    registry = Registry(trained.tracking, "insurance")
    before = registry.versions()
    problem = trained.root / "ml" / "problems" / "insurance.yaml"
    text = problem.read_bytes()
    try:
        trained.edit("ml/problems/insurance.yaml", {"model": {"seed": 99}})
        result = trained.json("reproduce", "insurance/1")
    finally:
        problem.write_bytes(text)
    assert result["same"] is True
    assert result["reproduced"] == before[-1].digest
    assert registry.versions() == before
    assert trained.run("git", "worktree", "list").out.count("\n") == 1


def test_a_version_that_is_not_registered_ends_with_a_sentence(trained: Checkout) -> None:
    done = trained.evergreen("reproduce", "insurance/99")
    assert done.code == 2
    assert "99" in done.err.splitlines()[-1]
