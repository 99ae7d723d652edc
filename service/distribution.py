"""How the outputs of one model are distributed: cheap counts, since a batch brings ten thousand at a time."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

import numpy as np
import numpy.typing as npt


class Distribution:
    """Counts per bucket; a bucket includes its upper edge, as Prometheus has it. For one thread."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self._counts = [0] * (len(edges) + 1)
        self._sum = 0.0

    def add(self, output: float) -> None:
        self._counts[bisect_left(self._edges, output)] += 1
        self._sum += output

    def add_many(self, outputs: npt.NDArray[np.float64]) -> None:
        found = np.bincount(np.searchsorted(self._edges, outputs, side="left"), minlength=len(self._counts))
        self._counts = [before + more for before, more in zip(self._counts, found.tolist(), strict=True)]
        self._sum += float(outputs.sum())

    @property
    def total(self) -> float:
        return self._sum

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper edge, the last one being infinite."""
        names = [repr(edge) for edge in self._edges] + ["+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True))
