"""An exported model gives scikit-learn's numbers, and a proof that would not notice a damage is no proof."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper

from ml.core.export import Export
from ml.core.frame import columns_of, frame_of, rows_of
from ml.core.parity import golden, prove_parity
from ml.core.pipeline import outputs
from ml.core.sampling import edge_rows, sample
from ml.errors import UserError
from service.bundle import Parity
from service.predictor import Levels, largest_difference
from service.schema import Feature, Task
from tests.support.models import EVERY_KIND, KINDS, Fitted, fitted
from tests.support.problems import FEATURES

TASKS: tuple[Task, ...] = ("binary", "regression")
INCOME = EVERY_KIND[1]


def prove(made: Fitted, exported: Export | None = None, *, generated: int = 20_000) -> Parity:
    return prove_parity(
        made.pipeline, exported or made.exported, made.problem, made.rows.head(500), generated=generated, seed=1
    )


def refusal(made: Fitted, exported: Export) -> str:
    with pytest.raises(UserError) as refused:
        prove(made, exported)
    return str(refused.value)


def with_splits(exported: Export, change: Any) -> Export:
    """The model with its thresholds changed by a function of them and of the columns they split."""
    model = onnx.load_from_string(exported.model)
    attributes = {attribute.name: attribute for attribute in model.graph.node[0].attribute}
    splits = numpy_helper.to_array(attributes["nodes_splits"].t).copy()
    columns = np.array(attributes["nodes_featureids"].ints)
    attributes["nodes_splits"].t.CopyFrom(numpy_helper.from_array(change(splits, columns), "nodes_splits"))
    return dataclasses.replace(exported, model=model.SerializeToString())


def with_program(exported: Export, **changes: Any) -> Export:
    return dataclasses.replace(exported, program=exported.program.model_copy(update=changes))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("family", "categories"), KINDS)
def test_the_export_gives_scikit_learns_numbers_on_twenty_thousand_rows(
    family: str, categories: str, task: Task
) -> None:
    made = fitted(family, categories, task)
    proof = prove(made)
    assert proof.rows == 500 + len(edge_rows(made.problem)) + 20_000
    assert proof.largest_difference <= 1e-9
    assert proof.tolerance == 1e-9
    if family != "linear":
        assert all(made.exported.thresholds[name] for name in ("income", "rate"))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", ["linear", "random_forest", "gradient_boosting"])
def test_a_row_alone_gives_what_it_gives_in_a_batch(family: str, task: Task) -> None:
    made = fitted(family, "one_hot", task)
    frame = sample(made.problem, 300, np.random.default_rng(5), made.exported.thresholds)
    rows = rows_of(made.problem, frame)
    singles = np.array([made.predictor.one(row) for row in rows])
    # As the service gives them: plain values, None where one is missing.
    lists = {name: [row[name] for row in rows] for name in made.problem.feature_names}
    for batch in (made.predictor.many(lists), made.predictor.many(columns_of(made.problem, frame))):
        np.testing.assert_allclose(batch, singles, rtol=1e-14, atol=1e-15)


def test_probabilities_stay_within_zero_and_one() -> None:
    for family, categories in KINDS:
        made = fitted(family, categories, rows=600)
        frame = sample(made.problem, 2_000, np.random.default_rng(2))
        output = made.predictor.many(columns_of(made.problem, frame))
        assert output.min() >= 0.0
        assert output.max() <= 1.0


@pytest.mark.parametrize(
    ("family", "nudge"),
    [
        ("gradient_boosting", lambda split: math.nextafter(split, math.inf)),
        ("random_forest", lambda split: split + 1e-3),  # its inputs are rounded to float32
    ],
)
def test_one_threshold_that_is_off_is_caught(family: str, nudge: Any) -> None:
    made = fitted(family, "ordinal", target=_rate_decides)
    numbers = [feature.name for feature in made.problem.features if feature.kind != "category"]

    def nudged(splits: Any, columns: Any) -> Any:
        first = np.flatnonzero(columns == numbers.index("rate"))[0]
        splits[first] = nudge(splits[first])
        return splits

    assert "differs from scikit-learn by" in refusal(made, with_splits(made.exported, nudged))


def _rate_decides(frame: pd.DataFrame) -> Any:
    return frame["rate"] > 0.5


def _income_is_missing(frame: pd.DataFrame) -> Any:
    return frame["income"].isna()


def _all_but_one(frame: pd.DataFrame) -> Any:
    return np.arange(len(frame)) != 7


def test_thresholds_in_single_precision_are_caught() -> None:
    made = fitted("gradient_boosting", "ordinal")
    exported = with_splits(made.exported, lambda splits, _: splits.astype(np.float32).astype(np.float64))
    assert "tolerance.parity allows 1e-09" in refusal(made, exported)


def test_inputs_that_are_not_rounded_for_a_forest_are_caught() -> None:
    made = fitted("random_forest", "ordinal")
    inputs = tuple(
        step if isinstance(step, Levels) else step.model_copy(update={"single_precision": False})
        for step in made.exported.program.inputs
    )
    refusal(made, with_program(made.exported, inputs=inputs))


@pytest.mark.parametrize("index", [0, 3, -1])
def test_a_weight_that_is_off_by_a_millionth_is_caught(index: int) -> None:
    made = fitted("linear", "one_hot")
    weights = list(made.exported.program.weights)
    weights[index] *= 1 + 1e-6
    refusal(made, with_program(made.exported, weights=tuple(weights)))


@pytest.mark.parametrize(("family", "categories"), KINDS)
def test_swapped_levels_are_caught(family: str, categories: str) -> None:
    made = fitted(family, categories)
    inputs = list(made.exported.program.inputs)
    (at,) = [index for index, step in enumerate(inputs) if step.feature == "region"]
    step = inputs[at]
    assert isinstance(step, Levels)
    first, second, *rest = step.vectors
    inputs[at] = step.model_copy(update={"vectors": (second, first, *rest)})
    refusal(made, with_program(made.exported, inputs=tuple(inputs)))


def test_a_missing_level_that_is_encoded_as_another_is_caught() -> None:
    made = fitted("gradient_boosting", "target_mean")
    inputs = tuple(
        step.model_copy(update={"missing": step.vectors[0]}) if isinstance(step, Levels) and step.missing else step
        for step in made.exported.program.inputs
    )
    refusal(made, with_program(made.exported, inputs=inputs))


def test_a_missing_number_that_takes_the_other_branch_is_caught() -> None:
    made = fitted("gradient_boosting", "ordinal", target=_income_is_missing)
    model = onnx.load_from_string(made.exported.model)
    (tracks,) = [part for part in model.graph.node[0].attribute if part.name == "nodes_missing_value_tracks_true"]
    tracks.ints[:] = [1 - value for value in tracks.ints]
    refusal(made, dataclasses.replace(made.exported, model=model.SerializeToString()))


def test_an_output_that_is_no_number_is_caught() -> None:
    made = fitted("linear", "one_hot", "regression")
    assert "by nan" in refusal(made, with_program(made.exported, offset=math.nan))


def test_an_offset_beyond_the_tolerance_is_caught_and_one_below_it_is_not() -> None:
    made = fitted("gradient_boosting", "ordinal", "regression")
    offset = made.exported.program.offset
    refusal(made, with_program(made.exported, offset=offset + 3e-9))
    assert prove(made, with_program(made.exported, offset=offset + 3e-10)).largest_difference == 3e-10


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting"])
@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_is_a_constant_is_refused_in_a_sentence(family: str, task: Task) -> None:
    with pytest.raises(UserError, match=r"^the model learnt nothing: every tree is a single leaf; check the features"):
        fitted(family, "ordinal", task, rows=200, min_samples_leaf=5_000)


def test_trees_that_are_a_single_leaf_are_part_of_the_sum() -> None:
    """A bootstrap that misses the one odd row grows a tree of one leaf."""
    made = fitted("random_forest", "ordinal", rows=300, target=_all_but_one)
    assert 0 < made.exported.program.offset < made.exported.program.divisor == 12
    assert prove(made, generated=2_000).largest_difference <= 1e-12


def test_missing_numbers_may_be_all_that_a_tree_splits_on() -> None:
    made = fitted("gradient_boosting", "ordinal", target=_income_is_missing)
    assert math.inf in made.exported.thresholds["income"]
    assert prove(made, generated=2_000).largest_difference <= 1e-12


@pytest.mark.parametrize("family", ["linear", "random_forest", "gradient_boosting"])
def test_a_value_may_be_missing_that_never_was_in_training(family: str) -> None:
    made = fitted(family, "one_hot", features=(INCOME.model_copy(update={"nullable": False}), *EVERY_KIND[5:]))
    nullable = made.problem.model_copy(update={"features": (INCOME, *EVERY_KIND[5:])})
    frame = made.rows
    assert not frame["income"].isna().any()
    proof = prove_parity(made.pipeline, made.exported, nullable, frame.head(100), generated=2_000, seed=0)
    assert proof.largest_difference <= 1e-9


@pytest.mark.parametrize(
    "name", ["numbers", "remainder", "verbose", "a__b", "drop", "passthrough", "with space", "größe"]
)
def test_a_feature_may_have_any_name(name: str) -> None:
    features = (FEATURES[0], Feature(name=name, kind="category", levels=("x", "y"), nullable=True, example="x"))
    assert prove(fitted("linear", "one_hot", features=features, rows=300), generated=500).largest_difference <= 1e-9


@pytest.mark.parametrize("features", [EVERY_KIND[2:3], EVERY_KIND[1:2], EVERY_KIND[3:4]])
def test_one_feature_of_a_kind_is_enough(features: tuple[Feature, ...]) -> None:
    for family in ("linear", "random_forest", "gradient_boosting"):
        made = fitted(family, "one_hot", features=features, rows=400)
        assert prove(made, generated=500).largest_difference <= 1e-9


def test_progress_and_proof_count_every_row() -> None:
    made = fitted("linear", "one_hot", rows=300)
    told: list[Any] = []
    proof = prove_parity(
        made.pipeline, made.exported, made.problem, made.rows, generated=250_000, seed=0,
        progress=lambda *counts: told.append(counts),
    )  # fmt: skip
    done = [counts[0] for counts in told]
    assert done == sorted(done)
    assert done[-1] == proof.rows == 300 + len(edge_rows(made.problem)) + 250_000


def test_golden_rows_hold_the_edges_and_scikit_learns_outputs() -> None:
    made = fitted("gradient_boosting", "target_mean")
    document = golden(made.pipeline, made.problem, made.rows)
    edges = edge_rows(made.problem)
    assert document["rows"][: len(edges)] == edges
    assert len(document["rows"]) == len(edges) + 20
    theirs = outputs(made.pipeline, made.problem, frame_of(made.problem, document["rows"]))
    ours = np.array([made.predictor.one(row) for row in document["rows"]])
    assert largest_difference(np.asarray(document["outputs"]), theirs) <= 1e-10
    assert largest_difference(ours, np.asarray(document["outputs"])) <= document["tolerance"] == 1e-9
