"""Whether a model means what it says: probabilities that come true, intervals that hold what they promise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm

from ml.core.binning import calibration_error, equal_mass
from ml.core.record import Bin, Calibrated, Validation
from service.predictor import Vector


def expected_error(y: Vector, probability: Vector, resampled: Vector, *, confidence: float) -> Calibrated:
    """The expected calibration error with its bootstrap interval; `resampled` has its values over resamples.

    The interval is moved so that its mean is the value: an absolute gap grows with the noise that resampling adds.
    """
    value = calibration_error(y, probability)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(resampled - resampled.mean() + value, [tail, 1.0 - tail])
    bins = tuple(_bins(probability, y))
    return Calibrated(kind="error", value=value, low=max(0.0, float(low)), high=float(high), bins=bins)


def interval_coverage(y: Vector, output: Vector, stated: Validation | None, *, confidence: float) -> Calibrated | None:
    """The share of rows whose actual minus predicted value is within the stated interval, with Wilson's interval
    (Wilson 1927); None where none is stated."""
    if stated is None or stated.coverage is None or stated.low is None or stated.high is None:
        return None
    residual = y - output
    held = int(np.sum((stated.low <= residual) & (residual <= stated.high)))
    low, high = wilson(held, len(y), confidence)
    bins = tuple(_bins(output, y))
    return Calibrated(kind="coverage", value=held / len(y), low=low, high=high, nominal=stated.coverage, bins=bins)


def wilson(hits: int, rows: int, confidence: float) -> tuple[float, float]:
    """Wilson's two-sided score interval of a share."""
    z = float(norm.ppf((1.0 + confidence) / 2.0))
    share, spread = hits / rows, z**2 / rows
    middle = share + spread / 2.0
    half = z * float(np.sqrt(share * (1.0 - share) / rows + spread / rows / 4.0))
    return max(0.0, (middle - half) / (1.0 + spread)), min(1.0, (middle + half) / (1.0 + spread))


def _bins(output: Vector, y: Vector) -> Iterator[Bin]:
    places = equal_mass(output)
    for place in range(int(places.max()) + 1):
        inside = places == place
        yield Bin(predicted=float(output[inside].mean()), observed=float(y[inside].mean()), rows=int(inside.sum()))
