"""A row's side depends on its key and the seed alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.core.frame import KEY
from ml.core.splitting import in_holdout, split_rows
from ml.problem import Split

key_lists = st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60)


def table(keys: list[int]) -> pd.DataFrame:
    return pd.DataFrame({KEY: np.array(keys, dtype=np.uint64), "value": [key % 97 for key in keys]})


@given(key_lists, key_lists, st.randoms())
def test_a_row_keeps_its_side_when_others_come_or_the_order_changes(
    first: list[int], later: list[int], random: object
) -> None:
    both = list(dict.fromkeys([*later, *first]))
    random.shuffle(both)  # type: ignore[attr-defined]
    train, holdout = split_rows(table(first), Split())
    more_train, more_holdout = split_rows(table(both), Split())
    assert set(train[KEY]) <= set(more_train[KEY])
    assert set(holdout[KEY]) <= set(more_holdout[KEY])
    assert len(more_train) + len(more_holdout) == len(both)


@given(key_lists, st.randoms())
def test_the_order_of_the_rows_does_not_change_the_tables(keys: list[int], random: object) -> None:
    shuffled = list(keys)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for ours, theirs in zip(split_rows(table(keys), Split()), split_rows(table(shuffled), Split()), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("keys", ["counted", "random"])
def test_the_share_held_out_is_close_to_the_one_asked_for(share: float, keys: str) -> None:
    count = 50_000
    rows = np.arange(count, dtype=np.uint64)
    if keys == "random":
        rows = np.random.default_rng(0).integers(2**63, size=count).astype(np.uint64)
    # Five standard deviations of a binomial share.
    assert in_holdout(rows, Split(holdout=share)).mean() == pytest.approx(
        share, abs=5 * (share / 4 / count) ** 0.5 + 1e-3
    )


def test_another_seed_holds_out_other_rows() -> None:
    rows = np.arange(20_000, dtype=np.uint64)
    first, second = (in_holdout(rows, Split(holdout=0.2, seed=seed)) for seed in (0, 1))
    # Independent choices of a fifth share a fifth of a fifth.
    assert (first & second).mean() == pytest.approx(0.04, abs=0.01)


def test_the_larger_holdout_contains_the_smaller() -> None:
    rows = np.arange(5_000, dtype=np.uint64)
    small, large = (in_holdout(rows, Split(holdout=share)) for share in (0.1, 0.3))
    assert not (small & ~large).any()


def test_the_choice_is_the_same_on_every_machine_and_forever() -> None:
    """Written down, because another choice would put rows that a champion was trained on into its holdout."""
    held = np.flatnonzero(in_holdout(np.arange(30, dtype=np.uint64), Split()))
    assert held.tolist() == [3, 10, 18, 21]
