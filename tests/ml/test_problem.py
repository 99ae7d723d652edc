"""Problem files: what ships is valid, and nonsense is refused in one sentence that names the file and the place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.problem import ProblemError, read_problem

REPOSITORY = Path(__file__).parents[2]
PROBLEMS = REPOSITORY / "ml" / "problems"
SHIPPED = ("flights", "housing", "insurance")


def document(name: str = "insurance") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROBLEMS / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def refusal(folder: Path, content: object, name: str = "insurance") -> str:
    """The message with which a changed problem file is refused."""
    path = folder / f"{name}.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ProblemError) as refused:
        read_problem(path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def changed(path: str, value: object, name: str = "insurance") -> dict[str, Any]:
    """A shipped document with one value set, by a path like model.parameters.seed or features.0.kind."""
    whole = document(name)
    *parents, last = path.split(".")
    at: Any = whole
    for part in parents:
        at = at[int(part) if part.isdigit() else part]
    at[int(last) if last.isdigit() else last] = value
    return whole


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_problem_is_valid_and_its_example_is_a_valid_row(name: str) -> None:
    problem = read_problem(PROBLEMS / f"{name}.yaml")
    assert problem.name == name
    assert all(feature.accepts(problem.schema_.example[feature.name]) for feature in problem.features)
    assert problem.tolerance.parity <= 1e-9
    assert problem.slices


def test_the_shipped_problems_are_those_that_params_lists() -> None:
    listed = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))["problems"]
    assert sorted(listed) == sorted(path.stem for path in PROBLEMS.glob("*.yaml")) == sorted(SHIPPED)


def test_insurance_takes_exactly_the_seven_features_of_the_api() -> None:
    schema = read_problem(PROBLEMS / "insurance.yaml").schema_
    assert schema.example == {
        "Gender": "Male",
        "Age": 49,
        "HasDrivingLicense": 1,
        "RegionID": 28,
        "Switch": 0,
        "PastAccident": "1-2 Year",
        "AnnualPremium": 1885.05,
    }
    assert [feature.name for feature in schema.features] == list(schema.example)
    assert not any(feature.nullable for feature in schema.features)


def test_insurance_maps_the_names_that_the_table_has() -> None:
    assert read_problem(PROBLEMS / "insurance.yaml").columns.rename == {
        "Driving_License": "HasDrivingLicense",
        "Region_Code": "RegionID",
        "Previously_Insured": "Switch",
        "Vehicle_Age": "PastAccident",
        "Annual_Premium": "AnnualPremium",
        "Response": "target",
    }


def test_flights_learns_from_nothing_that_is_known_only_after_departure() -> None:
    problem = read_problem(PROBLEMS / "flights.yaml")
    later = {"dep_time", "dep_delay", "arr_time", "air_time", "arr_delay"}
    assert not later & set(problem.feature_names)
    assert problem.target.above == 15


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("colour", "red", "colour: Extra inputs are not permitted"),
        ("model.colour", "red", "model.colour: Extra inputs are not permitted"),
        ("features.1.maximun", 3, "features.1.maximun: Extra inputs are not permitted"),
        ("gate.metric", "r2", "floors: the primary metric, 'r2', needs one"),
        ("gate.guards", {"mae": 1.0}, "gate: 'mae' is not a metric of a binary problem"),
        ("gate.minimum_gain", -0.1, "gate.minimum_gain: "),
        ("gate.floors", {"roc_auc": float("nan")}, "gate.floors.roc_auc: "),
        ("gate.floors", {"roc_auc": 65.0}, "gate.floors: roc_auc lies between 0 and 1; 65 is not a value of it"),
        ("gate.floors", {"roc_auc": 0.6, "log_loss": -1.0}, "gate.floors: log_loss lies between 0 and inf; -1 is not"),
        ("gate.minimum_gain", 1.0, "gate.minimum_gain: no model gains 1 in roc_auc"),
        ("slices", ["Gender", "Vintage"], "slices: 'Vintage' is not a feature"),
        ("target.column", "Age", "target: 'Age' is a feature as well"),
        ("columns.ignored", ["id", "Switch"], "columns.ignored: 'Switch' is a feature"),
        ("columns.ignored", ["id", "target"], "columns.ignored: 'target' is the target"),
        ("columns.rename", {"A": "Age", "B": "Age"}, "columns.rename: two columns become 'Age'"),
        ("columns.key", [], "columns.key: "),
        ("task", "multiclass", "task: Input should be 'binary' or 'regression'"),
        ("task", "regression", "gate: 'roc_auc' is not a metric of a regression problem; one of r2"),
        ("model.family", "svm", "model.family: "),
        ("model.categories", "hashed", "model.categories: "),
        ("model.family", "linear", "model.categories: a linear model needs one_hot"),
        ("model.parameters", {"random_state": 1}, "model.parameters: random_state is set by the pipeline"),
        ("model.parameters", {"n_jobs": 1, "max_iter": 3}, "model.parameters: n_jobs is set by the pipeline"),
        ("split.holdout", 1.0, "split.holdout: "),
        ("tolerance.parity", 0.0, "tolerance.parity: "),
        ("tolerance.bad_rows", 1.0, "tolerance.bad_rows: "),
        ("features.0.levels", [True, False], "features.0.levels.0"),
        ("features.0.levels", ["Female", 1], "levels are either all integers or all texts"),
        ("features.0.levels", ["Male", "Male"], "a level is listed twice"),
        ("features.0.example", "Other", "the example 'Other' is not a valid value"),
        ("features.1.minimum", 200, "the minimum is above the maximum"),
        ("features.1.maximum", None, "a minimum and a maximum are needed"),
        ("features.1.example", 17, "the example 17 is not a valid value"),
        ("features.3.nullable", True, "a nullable category needs levels that are texts"),
        ("features.1.name", "Gender", "features: 'Gender' is listed twice"),
        ("features.1.name", "_key", "features: '_key' begins with an underscore"),
        ("features", [], "features: "),
        ("target.above", 3.0, "above and positive exclude each other"),
        ("name", "claims", "name is 'claims'; it must be the file's name, 'insurance'"),
        ("name", "Insurance!", "name: "),
        ("source.kind", "database", "source: "),
    ],
)
def test_nonsense_is_refused_with_its_place(tmp_path: Path, path: str, value: object, said: str) -> None:
    assert said in refusal(tmp_path, changed(path, value))


def test_a_binary_target_has_no_place_in_a_regression(tmp_path: Path) -> None:
    said = refusal(tmp_path, changed("target.above", 3.0, "housing"), "housing")
    assert "target: above and positive belong to a binary problem" in said


def test_target_bounds_that_cross_are_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, changed("target.minimum", 2e6, "housing"), "housing")
    assert "target: the minimum is not below the maximum" in said


def test_months_that_end_before_they_begin_are_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, changed("source.until", "2012-12", "flights"), "flights")
    assert "until, 2012-12, is before first, 2013-01" in said


@pytest.mark.parametrize("missing", ["target", "features", "split", "gate", "tolerance"])
def test_a_part_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    whole = document()
    del whole[missing]
    assert refusal(tmp_path, whole) == f": {missing}: Field required"


@pytest.mark.parametrize("content", ["a: [1, 2", "a: b: c", "\ttab: 1", "!!python/object:os.system {}"])
def test_what_is_not_yaml_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    assert refusal(tmp_path, content).startswith(" is not YAML: ")


def test_a_key_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    assert "key 'name' occurs twice" in refusal(tmp_path, "name: insurance\ntask: binary\nname: housing\n")


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "just words\n"])
def test_yaml_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    assert refusal(tmp_path, content).startswith(": the file: ")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "insurance.yaml"
    path.write_bytes(b"name: insur\xe9")
    with pytest.raises(ProblemError, match=r"insurance\.yaml is not YAML: .*utf-8"):
        read_problem(path)


def test_a_missing_problem_is_told_with_those_that_exist() -> None:
    with pytest.raises(ProblemError, match=r"no problem named 'churn' in .*; there is: flights, housing, insurance$"):
        read_problem(PROBLEMS / "churn.yaml")


def test_only_a_file_problem_that_says_so_has_a_synthetic_sample() -> None:
    synthetic = {name: read_problem(PROBLEMS / f"{name}.yaml").synthetic for name in SHIPPED}
    assert [name for name, spec in synthetic.items() if spec is not None] == ["insurance"]


def test_a_problem_cannot_be_changed_after_it_was_read() -> None:
    problem = read_problem(PROBLEMS / "housing.yaml")
    with pytest.raises(ValueError, match="frozen"):
        problem.__setattr__("task", "binary")
