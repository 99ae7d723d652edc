"""Choose the holdout by a hash of the row's key: rows keep their side when others are added."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.core.frame import KEY, Keys
from ml.problem import Split


def in_holdout(keys: Keys, split: Split) -> npt.NDArray[np.bool_]:
    """Whether each key belongs to the holdout."""
    return below(mixed(keys, split.seed), split.holdout)


def mixed(keys: Keys, seed: int) -> Keys:
    """The keys as hashes that depend on the seed: SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        mix = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        mix = (mix ^ (mix >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mix = (mix ^ (mix >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mix ^ (mix >> np.uint64(31))


def below(hashes: Keys, share: float) -> npt.NDArray[np.bool_]:
    """Whether each hash is among the lowest `share` of all there can be."""
    return hashes < np.uint64(int(share * 2**64))


def split_rows(rows: pd.DataFrame, split: Split) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(train, holdout), each sorted by key, so that the order of the table does not matter."""
    ordered = rows.sort_values(KEY, ignore_index=True)
    held = in_holdout(ordered[KEY].to_numpy(), split)
    return ordered[~held].reset_index(drop=True), ordered[held].reset_index(drop=True)
