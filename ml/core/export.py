"""Turn a fitted pipeline into a program that the service runs without scikit-learn, in the same float64 steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml.core.frame import typed
from ml.core.trees import boosted_trees, forest_trees, onnx_model
from ml.problem import Problem
from service.predictor import Levels, Number, Program
from service.schema import Feature


@dataclass(frozen=True)
class Export:
    """The program, the ONNX model where it needs one, and per number feature the thresholds of its splits."""

    program: Program
    model: bytes
    thresholds: dict[str, tuple[float, ...]]


def export(pipeline: Pipeline, problem: Problem) -> Export:
    """Export a fitted pipeline of `build_pipeline`. Raises UserError when the model is a constant."""
    estimator = pipeline.named_steps["model"]
    single_precision = problem.model.family == "random_forest"
    inputs = _inputs(pipeline.named_steps["encode"], problem, single_precision=single_precision)
    if problem.model.family == "linear":
        return Export(_linear(estimator, inputs, problem), b"", {})
    boosted = problem.model.family == "gradient_boosting"
    ensemble = boosted_trees(estimator) if boosted else forest_trees(estimator, positive=problem.task == "binary")
    program = Program(
        runtime="onnx-trees",
        link="logistic" if boosted and problem.task == "binary" else "identity",
        offset=ensemble.offset,
        divisor=1 if boosted else len(estimator.estimators_),
        inputs=inputs,
    )
    thresholds = {
        step.feature: tuple(np.unique(ensemble.thresholds(index)).tolist())
        for index, step in enumerate(_flat(inputs))
        if isinstance(step, Number)
    }
    return Export(program, onnx_model(ensemble, width=len(_flat(inputs))), thresholds)


def _linear(estimator: Any, inputs: tuple[Number | Levels, ...], problem: Problem) -> Program:
    return Program(
        runtime="linear",
        link="logistic" if problem.task == "binary" else "identity",
        offset=float(np.ravel(estimator.intercept_)[0]),
        inputs=inputs,
        weights=tuple(np.ravel(estimator.coef_).tolist()),
    )


def _inputs(encode: Any, problem: Problem, *, single_precision: bool) -> tuple[Number | Levels, ...]:
    """The fitted encoders as data, in the order of the ColumnTransformer's output."""
    features = {feature.name: feature for feature in problem.features}
    inputs: list[Number | Levels] = []
    for name, transformer, columns in encode.transformers_:
        if name == "numbers":
            inputs += _number_inputs(transformer, columns, single_precision=single_precision)
        elif name != "remainder":
            inputs.append(_level_input(transformer, features[columns[0]], single_precision=single_precision))
    return tuple(inputs)


def _number_inputs(transformer: Any, columns: list[str], *, single_precision: bool) -> list[Number]:
    if not isinstance(transformer, Pipeline):
        return [Number(feature=column, single_precision=single_precision) for column in columns]
    medians = transformer.named_steps["impute"].statistics_
    scaler = transformer.named_steps["scale"]
    return [
        Number(feature=column, missing=float(median), mean=float(mean), scale=float(scale))
        for column, median, mean, scale in zip(columns, medians, scaler.mean_, scaler.scale_, strict=True)
    ]


def _level_input(transformer: Pipeline, feature: Feature, *, single_precision: bool) -> Levels:
    """Ask the fitted encoder itself for the vector of each level, and of a missing one."""
    levels = pd.Series([*feature.levels, *([None] if feature.nullable else [])], dtype=object)
    table = np.asarray(transformer.transform(typed(feature, levels).to_frame(feature.name)), dtype=np.float64)
    if single_precision:
        table = table.astype(np.float32).astype(np.float64)
    vectors = [tuple(row) for row in table.tolist()]
    return Levels(
        feature=feature.name,
        vectors=tuple(vectors[: len(feature.levels)]),
        missing=vectors[-1] if feature.nullable else None,
    )


def _flat(inputs: tuple[Number | Levels, ...]) -> list[Number | Levels]:
    """One entry per column of the encoded matrix."""
    return [step for step in inputs for _ in range(len(step.vectors[0]) if isinstance(step, Levels) else 1)]
