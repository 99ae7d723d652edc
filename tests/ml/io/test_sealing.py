"""What the bundle says of its model, and which changes make another bundle of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml.core.record import Validation
from ml.io.sealing import params_digest
from ml.io.tracking import Tracking
from ml.io.workspace import Workspace
from ml.problem import Problem
from service.bundle import CARD
from tests.support.checkout import REPOSITORY
from tests.support.models import fitted
from tests.support.problems import make_problem
from tests.support.sealed import sealed

HERE = Workspace(REPOSITORY, Tracking.embedded(REPOSITORY / "var"))


def regression(**gate: Any) -> Problem:
    return make_problem("regression", **gate)


def calibrated(coverage: float, tolerance: float) -> Problem:
    return regression(calibration={"coverage": coverage, "tolerance": tolerance})


def test_the_card_holds_the_validation_as_it_was_given(tmp_path: Path) -> None:
    validation = Validation(metric="roc_auc", value=0.8125, standard_error=0.0125, rows=400)
    bundle = sealed(fitted("linear", "one_hot"), tmp_path / "told", validation=validation)
    assert Validation.model_validate(bundle.document(CARD)["validation"]) == validation
    without = sealed(fitted("linear", "one_hot"), tmp_path / "untold")
    assert without.document(CARD)["validation"] is None
    assert without.digest != bundle.digest


@pytest.mark.parametrize(
    "other",
    [
        regression(minimum_rows=300),
        regression(maximum_gap=0.1, guards={"mae": 1.0}),
        regression(floors={"r2": 0.3}, minimum_gain=0.5, same_inputs="not_worse", margin=0.1),
        regression(budget={"latency_ms": 1, "size_mb": 1}, freshness={"days": 3}, margin=0.1),
    ],
    ids=["rows", "harms", "floors", "costs and age"],
)
def test_a_stricter_policy_makes_no_other_bundle(other: Problem) -> None:
    assert params_digest(HERE, other) == params_digest(HERE, regression())


def test_how_far_coverage_may_be_off_makes_no_other_bundle_but_the_coverage_does() -> None:
    assert params_digest(HERE, calibrated(0.9, 0.1)) == params_digest(HERE, calibrated(0.9, 0.05))
    assert params_digest(HERE, calibrated(0.8, 0.1)) != params_digest(HERE, calibrated(0.9, 0.1))
    assert params_digest(HERE, calibrated(0.9, 0.1)) != params_digest(HERE, regression())


@pytest.mark.parametrize("gate", [{"confidence": 0.9}, {"metric": "mae"}])
def test_what_the_figures_are_made_with_makes_another_bundle(gate: dict[str, Any]) -> None:
    assert params_digest(HERE, regression(**gate)) != params_digest(HERE, regression())
