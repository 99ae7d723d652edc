"""Fit and export in a process of its own: prints the sha256 of each exported model."""

from __future__ import annotations

import sys

from service.bundle import sha256
from tests.support.models import fitted


def fingerprints() -> list[str]:
    exported = [fitted(family, "target_mean").exported for family in ("gradient_boosting", "random_forest")]
    return [sha256(made.program.model_dump_json().encode() + made.model) for made in exported]


if __name__ == "__main__":
    sys.stdout.write(" ".join(fingerprints()))
