"""Prove that an exported program gives scikit-learn's numbers, on real, edge and very many generated rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml.core.export import Export
from ml.core.frame import columns_of, frame_of, rounded, rows_of
from ml.core.pipeline import outputs
from ml.core.sampling import edge_rows, sample
from ml.errors import UserError
from ml.problem import Problem
from service.bundle import Parity
from service.predictor import Predictor, build_predictor, largest_difference

CHUNK = 100_000
SINGLES = 500
GOLDEN_ROWS = 20


def prove_parity(
    pipeline: Pipeline,
    exported: Export,
    problem: Problem,
    holdout: pd.DataFrame,
    *,
    generated: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Parity:
    """Compare batches on every row and single rows on some; `progress` is told the rows done so far.

    Raises UserError when the largest difference is above the problem's tolerance.
    """
    predictor = build_predictor(problem.schema_, exported.program, exported.model)
    rows, largest = 0, 0.0
    for frame in _frames(problem, exported, holdout, generated, seed):
        theirs = outputs(pipeline, problem, frame)
        largest = max(largest, largest_difference(predictor.many(columns_of(problem, frame)), theirs))
        largest = max(largest, _singles(predictor, problem, frame, theirs))
        rows += len(frame)
        progress(rows)
    if not largest <= problem.tolerance.parity:
        raise UserError(
            f"problem {problem.name!r}: the exported model differs from scikit-learn by {largest:.3g} "
            f"on {rows} rows; tolerance.parity allows {problem.tolerance.parity:g}"
        )
    return Parity(rows=rows, largest_difference=float(f"{largest:.0e}"), tolerance=problem.tolerance.parity)


def golden(pipeline: Pipeline, problem: Problem, holdout: pd.DataFrame) -> dict[str, Any]:
    """The content of golden.json: edge rows and some of the holdout, with scikit-learn's outputs."""
    rows = [*edge_rows(problem), *rows_of(problem, holdout.head(GOLDEN_ROWS))]
    expected = outputs(pipeline, problem, frame_of(problem, rows))
    return {"rows": rows, "outputs": rounded(expected.tolist()), "tolerance": problem.tolerance.parity}


def _frames(
    problem: Problem, exported: Export, holdout: pd.DataFrame, generated: int, seed: int
) -> Iterator[pd.DataFrame]:
    yield holdout
    yield frame_of(problem, edge_rows(problem))
    rng = np.random.default_rng(seed)
    for start in range(0, generated, CHUNK):
        yield sample(problem, min(CHUNK, generated - start), rng, exported.thresholds)


def _singles(predictor: Predictor, problem: Problem, frame: pd.DataFrame, theirs: Any) -> float:
    ours = [predictor.one(row) for row in rows_of(problem, frame.head(SINGLES))]
    return largest_difference(np.asarray(ours), theirs[:SINGLES])
