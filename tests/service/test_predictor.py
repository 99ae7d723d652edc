"""A program is read strictly and computed in float64, alone and in batches alike."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bundle import GOLDEN, PROGRAM, Bundle, BundleError, Content, file_digests, seal
from service.predictor import (
    Encoder,
    Levels,
    Number,
    Program,
    build_predictor,
    largest_difference,
    load_predictor,
    logistic,
    logistic_vector,
)
from service.schema import Feature, Output, Schema, Value
from tests.support.bundles import ROWS, write_bundle

SCHEMA = Schema(
    name="toy",
    task="regression",
    features=(
        Feature(name="age", kind="integer", minimum=0, maximum=120, nullable=True, example=40),
        Feature(name="region", kind="category", levels=("north", "south"), nullable=True, example="north"),
        Feature(name="code", kind="category", levels=(3, 28), example=28),
        Feature(name="insured", kind="boolean", nullable=True, example=True),
    ),
    output=Output(name="target"),
)
INPUTS: tuple[Number | Levels, ...] = (
    Number(feature="age", missing=30.0, mean=40.0, scale=10.0),
    Levels(feature="region", vectors=((1.0, 0.0), (0.0, 1.0)), missing=(0.5, 0.5)),
    Levels(feature="code", vectors=((7.0,), (9.0,))),
    Number(feature="insured", missing=0.25),
)
ROW: dict[str, Value] = {"age": 60, "region": "south", "code": 28, "insured": True}


def program(**changes: Any) -> Program:
    fields: dict[str, Any] = {
        "runtime": "linear", "link": "identity", "offset": 100.0, "inputs": INPUTS,
        "weights": (1.0, 2.0, 4.0, 8.0, 16.0),
    }  # fmt: skip
    return Program.model_validate(fields | changes)


def resealed(bundle: Bundle, name: str, content: bytes) -> Bundle:
    """A bundle that says itself that a file has this content."""
    (bundle.folder / name).write_bytes(content)
    fields = bundle.manifest.content.model_dump() | {"files": file_digests(bundle.folder)}
    return seal(bundle.folder, Content.model_validate(fields), {})


def changed(bundle: Bundle, name: str, **changes: Any) -> Bundle:
    return resealed(bundle, name, json.dumps(bundle.document(name) | changes).encode())


def test_a_row_is_encoded_in_the_order_of_the_program() -> None:
    encoder = Encoder(SCHEMA, program())
    assert encoder.row(ROW) == [2.0, 0.0, 1.0, 9.0, 1.0]
    assert encoder.row(dict.fromkeys(ROW) | {"code": 3}) == [-1.0, 0.5, 0.5, 7.0, 0.25]
    assert encoder.row(ROW | {"age": math.nan}) == encoder.row(ROW | {"age": None})


def test_columns_are_encoded_as_the_rows_are_whatever_they_are_made_of() -> None:
    encoder = Encoder(SCHEMA, program())
    lists = {"age": [60, None], "region": ["south", None], "code": [28, 3], "insured": [True, None]}
    arrays = {
        "age": np.array([60.0, math.nan]),
        "region": np.array(["south", math.nan], dtype=object),
        "code": np.array([28, 3]),
        "insured": np.array([1.0, math.nan]),
    }
    expected = [encoder.row(ROW), encoder.row(dict.fromkeys(ROW) | {"code": 3})]
    assert encoder.columns(lists).tolist() == expected
    assert encoder.columns(arrays).tolist() == expected


def test_a_linear_program_is_a_weighted_sum() -> None:
    predictor = build_predictor(SCHEMA, program(), b"")
    assert predictor.one(ROW) == 100.0 + 1 * 2 + 4 * 1 + 8 * 9 + 16 * 1
    assert predictor.many({name: [value] for name, value in ROW.items()}).tolist() == [predictor.one(ROW)]


def test_numbers_are_rounded_only_where_the_program_says_so() -> None:
    tenth: dict[str, Value] = ROW | {"age": 1}
    for single, expected in ((False, -3.9), (True, float(np.float32(-3.9)))):
        first = INPUTS[0].model_copy(update={"single_precision": single})
        encoder = Encoder(SCHEMA, program(inputs=(first, *INPUTS[1:])))
        assert encoder.row(tenth)[0] == expected
        assert encoder.columns({name: [value] for name, value in tenth.items()})[0, 0] == expected


def test_a_value_that_is_missing_stays_missing_without_a_fill() -> None:
    encoder = Encoder(SCHEMA, program(inputs=(Number(feature="age"), *INPUTS[1:])))
    assert math.isnan(encoder.row(ROW | {"age": None})[0])
    assert np.isnan(encoder.columns({name: [value] for name, value in (ROW | {"age": None}).items()})[0, 0])


@given(st.floats(-1e6, 1e6))
def test_the_logistic_function_never_overflows_and_is_the_same_in_both_ways(score: float) -> None:
    alone, batch = logistic(score), float(logistic_vector(np.array([score]))[0])
    assert 0.0 <= alone <= 1.0
    assert alone == pytest.approx(batch, rel=1e-15)
    assert alone + logistic(-score) == pytest.approx(1.0, abs=1e-15)


def test_the_logistic_function_keeps_its_digits_far_from_zero() -> None:
    assert logistic(0.0) == 0.5
    assert logistic(-700.0) == pytest.approx(math.exp(-700.0), rel=1e-12)
    assert (logistic(1e300), logistic(-1e300)) == (1.0, 0.0)


def test_the_largest_difference_is_absolute_below_one_and_relative_above() -> None:
    ours, theirs = np.array([0.5, 1_000_001.0]), np.array([0.5 + 1e-7, 1_000_000.0])
    assert largest_difference(ours, theirs) == pytest.approx(1e-6)
    assert largest_difference(ours[:1], theirs[:1]) == pytest.approx(1e-7)
    assert largest_difference(ours, ours) == 0.0
    assert largest_difference(np.array([]), np.array([])) == 0.0
    assert math.isnan(largest_difference(np.array([1.0, math.nan]), np.array([1.0, 1.0])))


def test_a_program_that_knows_another_feature_is_refused() -> None:
    with pytest.raises(BundleError, match=r"program\.json: 'height' is not a feature of the schema"):
        build_predictor(SCHEMA, program(inputs=(*INPUTS, Number(feature="height"))), b"")


def test_a_program_with_another_number_of_levels_is_refused() -> None:
    fewer = Levels(feature="code", vectors=((7.0,),))
    with pytest.raises(BundleError, match=r"program\.json: 'code' has another number of levels than the schema"):
        build_predictor(SCHEMA, program(inputs=(*INPUTS[:2], fewer, INPUTS[3])), b"")


def test_a_sealed_bundle_gives_its_golden_outputs(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    predictor = load_predictor(bundle)
    assert [predictor.one(row) for row in ROWS] == list(bundle.golden().outputs)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format": 2}', b"\xff"])
def test_a_program_of_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    bundle = resealed(write_bundle(tmp_path / "bundle"), PROGRAM, content)
    with pytest.raises(BundleError, match=r"program\.json cannot be read: "):
        load_predictor(bundle)


@pytest.mark.parametrize("change", [{"link": "probit"}, {"runtime": "pickle"}, {"divisor": 0}, {"colour": 1}])
def test_a_program_that_this_code_does_not_know_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    bundle = changed(write_bundle(tmp_path / "bundle"), PROGRAM, **change)
    with pytest.raises(BundleError, match=r"program\.json cannot be read: "):
        load_predictor(bundle)


@pytest.mark.parametrize("change", [{"offset": 0.5001}, {"link": "identity"}])
def test_a_program_that_does_not_give_the_golden_outputs_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    bundle = changed(write_bundle(tmp_path / "bundle"), PROGRAM, **change)
    with pytest.raises(BundleError, match=r"single golden rows differ by \S+, allowed 1e-09$"):
        load_predictor(bundle)


def test_golden_outputs_that_are_off_by_more_than_the_tolerance_are_refused(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    outputs = list(bundle.golden().outputs)
    near = changed(bundle, GOLDEN, outputs=[outputs[0] + 5e-10, *outputs[1:]])
    load_predictor(near)
    far = changed(bundle, GOLDEN, outputs=[*outputs[:2], outputs[2] + 2e-9])
    with pytest.raises(BundleError, match="single golden rows differ by 2e-09"):
        load_predictor(far)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"rows": [{}], "outputs": [1.0], "tolerance": 1e-9}'])
def test_golden_rows_that_cannot_be_run_are_refused(tmp_path: Path, content: bytes) -> None:
    bundle = resealed(write_bundle(tmp_path / "bundle"), GOLDEN, content)
    with pytest.raises(BundleError, match="the model cannot be run: "):
        load_predictor(bundle)


def test_weights_that_do_not_fit_the_inputs_are_refused(tmp_path: Path) -> None:
    bundle = changed(write_bundle(tmp_path / "bundle"), PROGRAM, weights=[1.0])
    with pytest.raises(BundleError, match="the model cannot be run: ValueError"):
        load_predictor(bundle)


@pytest.mark.parametrize("model", [None, b"", b"no model"])
def test_a_tree_model_that_is_none_is_refused(tmp_path: Path, model: bytes | None) -> None:
    bundle = changed(write_bundle(tmp_path / "bundle"), PROGRAM, runtime="onnx-trees")
    if model is not None:
        bundle = resealed(bundle, "model.onnx", model)
    with pytest.raises(BundleError, match="the model cannot be run: "):
        load_predictor(bundle)
