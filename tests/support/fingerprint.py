"""Fit, export and validate in a process of its own: prints the sha256 of each model and what is told of it."""

from __future__ import annotations

import sys

from ml.core.validation import answers, validate
from ml.gate import Calibration
from service.bundle import sha256
from service.schema import Task
from tests.support.models import Fitted, fitted

KINDS: tuple[tuple[str, str, Task], ...] = (
    ("gradient_boosting", "target_mean", "binary"),
    ("random_forest", "target_mean", "binary"),
    ("linear", "one_hot", "binary"),
    ("linear", "one_hot", "regression"),
)


def fingerprints() -> list[str]:
    return [_fingerprint(fitted(family, categories, task)) for family, categories, task in KINDS]


def _fingerprint(made: Fitted) -> str:
    problem = made.problem
    if problem.task == "regression":
        gate = problem.gate.model_copy(update={"calibration": Calibration(coverage=0.9, tolerance=0.03)})
        problem = problem.model_copy(update={"gate": gate})
    validation = validate(problem, answers(problem, made.rows, 0), 0)
    assert validation is not None
    documents = made.exported.program.model_dump_json() + validation.model_dump_json()
    return sha256(documents.encode() + made.exported.model)


if __name__ == "__main__":
    sys.stdout.write(" ".join(fingerprints()))
