"""A bundle is proved by asking the real service for it, in a process that is gone afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from ml.proof.golden_calls import known, unknown
from ml.proof.http_parity import prove_over_http
from ml.proof.served import ProofError, serving
from service.bundle import GOLDEN, PROGRAM, SCHEMA, Bundle
from service.schema import Feature, Task
from tests.support.bundles import write_bundle
from tests.support.models import EVERY_KIND, fitted
from tests.support.sealed import resealed, sealed


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return sealed(fitted("gradient_boosting", "target_mean"), tmp_path_factory.mktemp("boosted"))


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return sealed(fitted("linear", "one_hot"), tmp_path_factory.mktemp("linear"))


def services() -> list[int]:
    """Ids of the services that this process has started and not ended."""
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if child.is_running() and "service" in child.cmdline()]


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize(("family", "categories"), [("linear", "one_hot"), ("random_forest", "ordinal")])
def test_every_golden_row_gets_scikit_learns_output_alone_and_in_a_batch(
    family: str, categories: str, task: Task, tmp_path: Path
) -> None:
    bundle = sealed(fitted(family, categories, task), tmp_path)
    parity = prove_over_http(bundle)
    assert parity.holds, parity
    assert parity.tolerance == 1e-9
    assert parity.rows == 2 * len(bundle.golden().rows)
    assert services() == []


def test_rows_of_every_kind_are_asked_for(boosted: Bundle) -> None:
    parity = prove_over_http(boosted)
    assert parity.holds, parity
    assert parity.kinds == {
        "example": 1, "bound": 8, "missing": 3, "level": 9, "real": 20, "integer_as_float": 41, "unknown_level": 3,
    }  # fmt: skip


def test_what_is_sent_as_a_float_was_an_integer_and_stays_equal(boosted: Bundle) -> None:
    asked = known(boosted)
    rows = [each.row for each in asked if each.kind != "integer_as_float"]
    floats = [each.row for each in asked if each.kind == "integer_as_float"]
    assert floats == rows
    for row in floats:
        assert {name: type(row[name]) for name in ("age", "code", "insured", "sex")} == {
            "age": float, "code": float, "insured": bool, "sex": str,
        }  # fmt: skip


def test_an_unknown_level_is_of_the_levels_type_and_none_of_them(boosted: Bundle) -> None:
    asked = {each.feature: each.row[each.feature] for each in unknown(boosted.schema)}
    assert asked == {"region": "north?", "code": 0, "sex": "f?"}


def test_a_bundle_whose_preprocessing_differs_is_refused_as_the_service_says(linear: Bundle, tmp_path: Path) -> None:
    parity = prove_over_http(resealed(linear, tmp_path / "skewed", {PROGRAM: _another_mean}))
    assert not parity.holds
    assert parity.failure.startswith("The service does not load the bundle: single golden rows differ by ")
    assert str(tmp_path) not in parity.failure
    assert services() == []


def test_a_difference_that_the_bundle_itself_would_allow_is_measured(linear: Bundle, tmp_path: Path) -> None:
    """A bundle is held against the tolerance that its export was proved with, whatever its golden rows say."""
    lax = {PROGRAM: _another_mean, GOLDEN: lambda golden: golden | {"tolerance": 1.0}}
    parity = prove_over_http(resealed(linear, tmp_path / "lax", lax))
    assert (parity.failure, parity.tolerance) == ("", 1e-9)
    assert parity.single > 1e-6
    assert parity.batch > 1e-6
    assert not parity.holds


def _another_mean(program: Any) -> Any:
    first, *others = program["inputs"]
    assert first["kind"] == "number"
    return program | {"inputs": [first | {"mean": first["mean"] + 1.0}, *others]}


def test_a_golden_row_that_the_service_refuses_is_a_failure(linear: Bundle, tmp_path: Path) -> None:
    def narrower(schema: Any) -> Any:
        first, *others = schema["features"]
        return schema | {"features": [first | {"maximum": 60.0}, *others]}

    parity = prove_over_http(resealed(linear, tmp_path / "narrow", {SCHEMA: narrower}))
    assert not parity.holds
    assert parity.failure.startswith("POST /predict answered 422 to a row that is valid: ")
    assert "less than or equal to 60" in parity.failure


def test_many_rows_go_in_several_batches(tmp_path: Path) -> None:
    def more(golden: Any) -> Any:
        return golden | {"rows": golden["rows"] * 200, "outputs": golden["outputs"] * 200}

    bundle = resealed(write_bundle(tmp_path / "few"), tmp_path / "many", {GOLDEN: more})
    parity = prove_over_http(bundle)
    assert parity.rows == 1_200
    assert parity.holds, parity


def test_levels_that_no_float_can_tell_apart_are_sent_as_integers(tmp_path: Path) -> None:
    code = Feature(name="code", kind="category", levels=(2**53, 2**53 + 1), example=2**53 + 1)
    parity = prove_over_http(write_bundle(tmp_path / "large", features=(code,)))
    assert parity.holds, parity
    assert "integer_as_float" not in parity.kinds


def test_a_problem_without_categories_or_integers_has_no_such_rows(tmp_path: Path) -> None:
    parity = prove_over_http(sealed(fitted("linear", "one_hot", features=EVERY_KIND[1:2], rows=400), tmp_path))
    assert parity.holds, parity
    assert not {"integer_as_float", "unknown_level", "level"} & parity.kinds.keys()


def test_what_was_set_for_another_service_does_not_reach_this_one(
    linear: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_CAPTURE", str(tmp_path / "capture"))
    monkeypatch.setenv("EVERGREEN_MODEL", "toy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////nowhere/mlflow.db")
    assert prove_over_http(linear).holds
    assert not (tmp_path / "capture").exists()


def _break_the_service(folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Run something in the service's process, where it would import its server."""
    (folder / "uvicorn.py").write_text(how)
    monkeypatch.setenv("PYTHONPATH", str(folder))


# A service that is as careless as the name says, and the real server to run it.
CARELESS = {
    "unknown texts": """
def careless(feature):
    return core_schema.no_info_plain_validator_function(lambda v: v if v in feature.levels else feature.levels[0])
validation._text_level = careless
""",
    "floats": "validation._integer_level = lambda feature: core_schema.int_schema(strict=True)",
    "rows that change places": """
columns = validation.Validator.columns
validation.Validator.columns = lambda self, body: {name: c[::-1] for name, c in columns(self, body).items()}
""",
}
SERVER = """
import sys
from pydantic_core import core_schema
from service import validation
{careless}
sys.path.remove({folder!r})
del sys.modules["uvicorn"]
import uvicorn
"""


@pytest.mark.parametrize(
    ("careless", "said"),
    [
        ("unknown texts", "POST /predict answered 200 to 'north?', which is no level of region; it must be refused: "),
        ("floats", "POST /predict answered 422 to a row that is valid: "),
    ],
)
def test_a_service_that_treats_levels_otherwise_is_a_failure(
    boosted: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, careless: str, said: str
) -> None:
    how = SERVER.format(careless=CARELESS[careless], folder=str(tmp_path))
    _break_the_service(tmp_path, monkeypatch, how)
    parity = prove_over_http(boosted)
    assert parity.failure.startswith(said)
    assert not parity.holds


def test_a_batch_whose_rows_change_places_is_a_difference_that_loading_does_not_show(
    boosted: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = SERVER.format(careless=CARELESS["rows that change places"], folder=str(tmp_path))
    _break_the_service(tmp_path, monkeypatch, how)
    parity = prove_over_http(boosted)
    assert (parity.failure, parity.holds) == ("", False)
    assert parity.single <= parity.tolerance < parity.batch


def test_a_service_that_does_not_start_ends_with_its_last_line(
    linear: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_the_service(tmp_path, monkeypatch, "raise ImportError('this library is damaged')")
    with pytest.raises(ProofError, match=r"ended with code 1; it said last: ImportError: this library is damaged$"):
        prove_over_http(linear)


def test_a_service_that_hangs_is_given_up_and_ended(
    linear: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_the_service(tmp_path, monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(ProofError, match="did not start in time"), serving(linear, seconds=1.0):
        raise AssertionError("it is not ready")
    assert services() == []
