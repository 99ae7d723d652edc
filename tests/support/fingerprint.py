"""Fit and export in a process of its own: prints the sha256 of each exported model."""

from __future__ import annotations

import sys

from service.bundle import sha256
from service.schema import Task
from tests.support.models import fitted

KINDS: tuple[tuple[str, str, Task], ...] = (
    ("gradient_boosting", "target_mean", "binary"),
    ("random_forest", "target_mean", "binary"),
    ("linear", "one_hot", "binary"),
    ("linear", "one_hot", "regression"),
)


def fingerprints() -> list[str]:
    exported = [fitted(family, categories, task).exported for family, categories, task in KINDS]
    return [sha256(made.program.model_dump_json().encode() + made.model) for made in exported]


if __name__ == "__main__":
    sys.stdout.write(" ".join(fingerprints()))
