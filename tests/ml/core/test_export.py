"""Equal work gives equal bytes, and what scikit-learn refuses is said in a sentence."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml.errors import UserError
from service.predictor import Levels, Number
from tests.support.fingerprint import KINDS as KINDS_OF_FINGERPRINTS
from tests.support.fingerprint import fingerprints
from tests.support.models import KINDS, fitted

REPOSITORY = Path(__file__).parents[3]


# The oldest kernels of the BLAS and of numpy: another machine of the same architecture, as far as arithmetic goes.
OLD_CPU = {
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
}


def elsewhere(**settings: str) -> list[str]:
    """The fingerprints from a process with such an environment."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fingerprint"],
        cwd=REPOSITORY, env={**os.environ, **settings}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout.split()


def test_equal_fits_give_equal_bytes_whatever_the_threads_and_the_hash_seed() -> None:
    here = fingerprints()
    assert len(set(here)) == len(KINDS_OF_FINGERPRINTS)
    for count, seed in (("1", "1"), ("2", "2")):
        assert elsewhere(OMP_NUM_THREADS=count, LOKY_MAX_CPU_COUNT=count, PYTHONHASHSEED=seed) == here


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the older kernels named here are of x86-64")
def test_equal_fits_give_equal_bytes_on_another_cpu_of_the_architecture() -> None:
    assert elsewhere(**OLD_CPU) == fingerprints()


@pytest.mark.parametrize("change", [{"max_iter": 29}, {"learning_rate": 0.11}])
def test_other_parameters_give_other_bytes(change: dict[str, Any]) -> None:
    one, other = (fitted("gradient_boosting", "ordinal", rows=500, **parameters) for parameters in ({}, change))
    assert one.exported.model != other.exported.model


@pytest.mark.parametrize(("family", "categories"), KINDS)
def test_the_program_has_one_input_per_feature_and_no_more(family: str, categories: str) -> None:
    made = fitted(family, categories, rows=400)
    steps = {step.feature: step for step in made.exported.program.inputs}
    assert sorted(steps) == sorted(made.problem.feature_names)
    assert len(steps) == len(made.exported.program.inputs)
    for feature in made.problem.features:
        step = steps[feature.name]
        assert isinstance(step, Levels if feature.kind == "category" else Number)
        if isinstance(step, Levels):
            assert len(step.vectors) == len(feature.levels)
            assert (step.missing is not None) == feature.nullable
    assert bool(made.exported.model) == (family != "linear")


@pytest.mark.parametrize(
    ("family", "parameters", "said"),
    [
        ("gradient_boosting", {"max_itre": 3}, "problem 'toy': model.parameters: .*'max_itre'"),
        ("random_forest", {"n_estimators": -1}, "problem 'toy': the model could not be fitted: .*'n_estimators'"),
        ("linear", {"C": "much"}, "problem 'toy': the model could not be fitted: .*'C'"),
    ],
)
def test_parameters_that_are_not_the_estimators_are_named(family: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        fitted(family, "one_hot", rows=200, **parameters)
