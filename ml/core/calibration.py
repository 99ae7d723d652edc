"""Whether a model means what it says: probabilities that come true, intervals that hold what they promise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from ml.core.bootstrap import resampled_weights
from ml.core.record import Bin, Calibrated, Validation
from service.predictor import Vector

BINS = 15

Places = npt.NDArray[np.intp]


def expected_error(y: Vector, probability: Vector, *, resamples: int, confidence: float, seed: int) -> Calibrated:
    """The expected calibration error: the mean over rows of how far their bin's mean probability is from its share of
    positives, in 15 bins of equal numbers of rows (Naeini et al. 2015; equal mass: Nixon et al. 2019).

    Equal probabilities share a bin. The interval is the percentile bootstrap's with fixed bins, moved so that its mean
    is the value: an absolute gap grows with the noise that resampling adds.
    """
    places = _equal_mass(probability)
    gaps = (y - probability)[:, np.newaxis] * (places[:, np.newaxis] == np.arange(places.max() + 1))
    value = float(np.abs(gaps.sum(axis=0)).sum() / len(y))
    chunks = resampled_weights(y, resamples=resamples, seed=seed)
    errors = np.concatenate([np.abs(weights @ gaps).sum(axis=1) for weights, _ in chunks]) / len(y)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(errors - errors.mean() + value, [tail, 1.0 - tail])
    bins = tuple(_bins(places, probability, y))
    return Calibrated(kind="error", value=value, low=max(0.0, float(low)), high=float(high), bins=bins)


def error_of_chance(probability: Vector) -> float:
    """The expected calibration error that these rows would show if every probability were true: each bin's gap is then
    about normal around zero, with mean size sqrt(2 / pi) of its standard deviation."""
    places = _equal_mass(probability)
    variances = np.bincount(places, weights=probability * (1.0 - probability))
    return float(np.sqrt(2.0 / np.pi) * np.sqrt(variances).sum() / len(probability))


def interval_coverage(y: Vector, output: Vector, stated: Validation | None, *, confidence: float) -> Calibrated | None:
    """The share of rows whose actual minus predicted value is within the stated interval, with Wilson's interval
    (Wilson 1927); None where none is stated."""
    if stated is None or stated.coverage is None or stated.low is None or stated.high is None:
        return None
    residual = y - output
    held = int(np.sum((stated.low <= residual) & (residual <= stated.high)))
    low, high = wilson(held, len(y), confidence)
    bins = tuple(_bins(_equal_mass(output), output, y))
    return Calibrated(kind="coverage", value=held / len(y), low=low, high=high, nominal=stated.coverage, bins=bins)


def wilson(hits: int, rows: int, confidence: float) -> tuple[float, float]:
    """Wilson's two-sided score interval of a share."""
    z = float(norm.ppf((1.0 + confidence) / 2.0))
    share, spread = hits / rows, z**2 / rows
    middle = share + spread / 2.0
    half = z * float(np.sqrt(share * (1.0 - share) / rows + spread / rows / 4.0))
    return max(0.0, (middle - half) / (1.0 + spread)), min(1.0, (middle + half) / (1.0 + spread))


def _equal_mass(output: Vector) -> Places:
    """A bin number for each row, without gaps; equal outputs share a bin."""
    edges = np.unique(np.quantile(output, np.linspace(0.0, 1.0, BINS + 1)[1:-1], method="inverted_cdf"))
    _, places = np.unique(np.searchsorted(edges, output, side="left"), return_inverse=True)
    return places.astype(np.intp)


def _bins(places: Places, output: Vector, y: Vector) -> Iterator[Bin]:
    for place in range(int(places.max()) + 1):
        inside = places == place
        yield Bin(predicted=float(output[inside].mean()), observed=float(y[inside].mean()), rows=int(inside.sum()))
