"""The pictures of a decision, each with its finding in words and numbers."""

from ml.page.pictures.insight import dependences, differences, explanation
from ml.page.pictures.proof import budgets, calibration, gains, reliable, slices
from ml.page.pictures.roles import models

__all__ = [
    "budgets",
    "calibration",
    "dependences",
    "differences",
    "explanation",
    "gains",
    "models",
    "reliable",
    "slices",
]
