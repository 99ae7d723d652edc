"""Judge the exported model on the holdout and seal the bundle that would be released."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from ml.core import plots
from ml.core.evaluation import Evaluation
from ml.core.evaluation import evaluate as evaluate_output
from ml.core.frame import columns_of
from ml.core.importance import permutation_importance
from ml.core.validation import validate
from ml.io.log import event
from ml.io.sealing import Judged, seal_bundle
from ml.io.tables import HOLDOUT, METRICS, MODEL, PLOTS, SET_ASIDE, TRAIN, VALIDATION, read_table, write_json
from ml.io.workspace import Workspace
from ml.problem import Problem
from ml.stages.main import stage_main
from service.bundle import MODEL as ONNX
from service.bundle import PROGRAM
from service.predictor import Program, build_predictor


def evaluate(workspace: Workspace, problem: Problem) -> None:
    work = workspace.work(problem.name)
    judged = _judge(workspace, problem)
    bundle = seal_bundle(workspace, problem, judged)
    figures = plots.figures(problem, judged.evaluation)
    names, values = list(judged.importance), list(judged.importance.values())
    figures["importance"] = plots.importance(names, values, metric=problem.gate.metric)
    _write_plots(work / PLOTS, judged.evaluation, figures)
    metrics = {name: interval.model_dump() for name, interval in judged.evaluation.metrics.items()}
    write_json(work / METRICS, metrics)
    write_json(work / VALIDATION, judged.validation.model_dump() if judged.validation else {})
    primary = judged.evaluation.metrics[problem.gate.metric]
    event(
        "evaluated",
        problem=problem.name,
        rows=len(judged.holdout),
        **{problem.gate.metric: primary.value, "low": primary.low, "high": primary.high},
    )
    event("sealed", problem=problem.name, digest=bundle.digest)


def _judge(workspace: Workspace, problem: Problem) -> Judged:
    work, params = workspace.work(problem.name), workspace.params()
    train, holdout = read_table(work / TRAIN), read_table(work / HOLDOUT)
    program = Program.model_validate_json((work / MODEL / PROGRAM).read_bytes())
    onnx = work / MODEL / ONNX
    predictor = build_predictor(problem.schema_, program, onnx.read_bytes() if onnx.exists() else b"")
    output = predictor.many(columns_of(problem, holdout))
    evaluation = evaluate_output(problem, holdout, output, resamples=params.resamples, seed=params.seed)
    importance = permutation_importance(problem, holdout, predictor.many, params.seed)
    validation = validate(problem, read_table(work / SET_ASIDE), params.seed)
    return Judged(train, holdout, predictor, program, evaluation, importance, validation)


def _write_plots(folder: Path, evaluation: Evaluation, figures: dict[str, Any]) -> None:
    """Pictures to look at, and the points behind them for `dvc plots` to compare between revisions."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    for name in ("roc", "calibration", "residuals", "pairs"):
        if points := getattr(evaluation, name):
            pd.DataFrame([point.model_dump() for point in points]).to_csv(folder / f"{name}.csv", index=False)


if __name__ == "__main__":
    stage_main(evaluate)
