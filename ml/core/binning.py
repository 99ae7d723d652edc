"""Bins of equal numbers of rows by output, in which what was said is held against what came true."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.predictor import Vector

BINS = 15

Places = npt.NDArray[np.intp]


def equal_mass(output: Vector) -> Places:
    """A bin number for each row, rising with the output, without gaps; equal outputs share a bin."""
    edges = np.unique(np.quantile(output, np.linspace(0.0, 1.0, BINS + 1)[1:-1], method="inverted_cdf"))
    _, places = np.unique(np.searchsorted(edges, output, side="left"), return_inverse=True)
    return places.astype(np.intp)


def calibration_error(y: Vector, probability: Vector) -> float:
    """The expected calibration error: the mean over rows of how far the mean probability of their bin is from its
    share of positives, in 15 bins of equal numbers of rows (Naeini et al. 2015; equal mass: Nixon et al. 2019)."""
    gaps = np.bincount(equal_mass(probability), weights=y - probability)
    return float(np.abs(gaps).sum() / len(y))


def error_of_chance(probability: Vector) -> float:
    """The calibration error that these rows would show if every probability were true: each bin's gap is then about
    normal around zero, with a mean size of sqrt(2 / pi) of its standard deviation."""
    variances = np.bincount(equal_mass(probability), weights=probability * (1.0 - probability))
    return float(np.sqrt(2.0 / np.pi) * np.sqrt(variances).sum() / len(probability))
