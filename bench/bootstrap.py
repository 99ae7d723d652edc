"""`python -m bench.bootstrap`: the paired bootstrap of a decision beside a plain loop over scikit-learn."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import psutil
import typer
from sklearn import metrics as sk

from ml.core.bootstrap import resample, resampled_counts
from ml.gate import METRICS
from service.predictor import Vector

ROWS, RESAMPLES, SEED = 100_000, 2_000, 1
LOOPED = 4
"""Resamples that the plain loop is timed on."""
PEERS: dict[str, Callable[[Vector, Vector], float]] = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
}


@dataclass(frozen=True)
class Result:
    """Seconds of all resamples and, of the loop, of one; memory beyond what stood before, in megabytes (10^6 bytes);
    the largest difference from scikit-learn on the resamples that both made."""

    wall: float
    cpu: float
    peak_mb: float
    looped: float
    difference: float

    def lines(self) -> list[str]:
        loop = self.looped * RESAMPLES
        ours = (
            f"Paired bootstrap of {ROWS:,} rows x {RESAMPLES:,} resamples, {len(PEERS)} metrics, 2 models: "
            f"{self.wall:.1f} s ({self.cpu:.1f} s of CPU), {self.peak_mb:.0f} MB at most"
        )
        theirs = (
            f"A loop over scikit-learn: {self.looped:.2f} s a resample, {loop:,.0f} s extrapolated from {LOOPED}, "
            f"{loop / self.wall:,.0f} times as long; largest difference {self.difference:.0e}"
        )
        return [ours, theirs]


def measure() -> Result:
    """Both on the same rows and, for the resamples of the loop, on the same resamples."""
    y, outputs = _rows()
    before = psutil.Process().memory_info().rss
    wall, cpu = time.perf_counter(), time.process_time()
    found = resample(y, outputs, METRICS["binary"], resamples=RESAMPLES, seed=SEED)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = _peak_bytes() - before
    started = time.perf_counter()
    looped = _loop(y, outputs)
    seconds = (time.perf_counter() - started) / LOOPED
    difference = max(
        float(np.abs(found.values[model][name][:LOOPED] - values).max()) for (model, name), values in looped.items()
    )
    return Result(wall, cpu, peak / 1e6, seconds, difference)


def _rows() -> tuple[Vector, dict[str, Vector]]:
    """One positive in five, and two models of like skill."""
    rng = np.random.default_rng(SEED)
    truth = 0.4 * rng.random(ROWS)
    y = (rng.random(ROWS) < truth).astype(float)
    noisy = {model: truth + rng.normal(scale=0.05, size=ROWS) for model in ("champion", "challenger")}
    return y, {model: np.clip(output, 0.001, 0.999) for model, output in noisy.items()}


def _loop(y: Vector, outputs: dict[str, Vector]) -> dict[tuple[str, str], Vector]:
    values = {(model, name): np.empty(LOOPED) for model in outputs for name in PEERS}
    chunks = (counts for counts, _ in resampled_counts(y, resamples=RESAMPLES, seed=SEED))
    for place, counts in enumerate(islice(chain.from_iterable(chunks), LOOPED)):
        drawn = np.repeat(np.arange(len(y)), counts)
        for (model, name), column in values.items():
            column[place] = PEERS[name](y[drawn], outputs[model][drawn])
    return values


def _peak_bytes() -> int:
    """Linux counts in kibibytes, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    for line in measure().lines():
        typer.echo(line)
