"""Prove that an exported program gives scikit-learn's numbers, on real, edge and very many generated rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
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
NOISE = 1e-12
"""Differences below this come from the last digits of sums, in which CPUs differ: they are recorded as this bound."""


def prove_parity(
    pipeline: Pipeline,
    exported: Export,
    problem: Problem,
    holdout: pd.DataFrame,
    *,
    generated: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Parity:
    """Compare batches on every row and single rows on some; `progress` is told the rows done and their total.

    Raises UserError when the largest difference is above the problem's tolerance.
    """
    predictor = build_predictor(problem.schema_, exported.program, exported.model)
    rows, largest = 0, 0.0
    edges = frame_of(problem, edge_rows(problem))
    total = len(holdout) + len(edges) + generated
    for frame in chain((holdout, edges), _generated(problem, exported, generated, seed)):
        theirs = outputs(pipeline, problem, frame)
        batch = largest_difference(predictor.many(columns_of(problem, frame)), theirs)
        # Unlike max(), this keeps a NaN, which no tolerance allows.
        largest = float(np.max([largest, batch, _singles(predictor, problem, frame, theirs)]))
        rows += len(frame)
        progress(rows, total)
    if not largest <= problem.tolerance.parity:
        raise UserError(
            f"problem {problem.name!r}: the exported model differs from scikit-learn by {largest:.3g} "
            f"on {rows} rows; tolerance.parity allows {problem.tolerance.parity:g}"
        )
    bound = max(NOISE, float(f"{largest:.0e}"))
    return Parity(rows=rows, largest_difference=bound, tolerance=problem.tolerance.parity)


def golden(pipeline: Pipeline, problem: Problem, holdout: pd.DataFrame) -> dict[str, Any]:
    """The content of golden.json: edge rows and some of the holdout, with scikit-learn's outputs."""
    rows = [*edge_rows(problem), *rows_of(problem, holdout.head(GOLDEN_ROWS))]
    expected = outputs(pipeline, problem, frame_of(problem, rows))
    return {"rows": rows, "outputs": rounded(expected.tolist()), "tolerance": problem.tolerance.parity}


def _generated(problem: Problem, exported: Export, count: int, seed: int) -> Iterator[pd.DataFrame]:
    rng = np.random.default_rng(seed)
    for start in range(0, count, CHUNK):
        yield sample(problem, min(CHUNK, count - start), rng, exported.thresholds)


def _singles(predictor: Predictor, problem: Problem, frame: pd.DataFrame, theirs: Any) -> float:
    ours = [predictor.one(row) for row in rows_of(problem, frame.head(SINGLES))]
    return largest_difference(np.asarray(ours), theirs[:SINGLES])
