"""Cut rows into named groups, so that a model that is good on the whole and bad for some is seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from service.schema import Feature

Mask = npt.NDArray[np.bool_]


def groups(column: pd.Series, feature: Feature) -> Iterator[tuple[str, Mask]]:
    """A name and a row mask for each level of a category or boolean, or each quartile of a number; missing values last.

    Levels come in the feature's order, those without rows too. A quartile is named by the least and largest value in
    it; where values repeat there may be fewer than four.
    """
    missing = column.isna().to_numpy(dtype=bool)
    if feature.kind in ("integer", "number"):
        yield from _quartiles(column.to_numpy(dtype=np.float64, na_value=np.nan), missing)
    else:
        values = column.astype(object).where(column.notna(), None).to_numpy()
        for level in feature.levels or (False, True):
            yield str(level), ~missing & (values == level)
    if missing.any():
        yield "missing", missing


def _quartiles(values: npt.NDArray[np.float64], missing: Mask) -> Iterator[tuple[str, Mask]]:
    known = values[~missing]
    if not len(known):
        return
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="inverted_cdf"))
    place = np.searchsorted(edges, values, side="left")
    for quartile in np.unique(place[~missing]):
        mask = ~missing & (place == quartile)
        least, largest = values[mask].min(), values[mask].max()
        yield (f"{least:,.6g}" if least == largest else f"{least:,.6g} to {largest:,.6g}"), mask
