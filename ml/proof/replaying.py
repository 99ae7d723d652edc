"""The last captured requests of a problem, answered again by the champion and by its challenger."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ml.core.explanation import Model
from ml.core.record import Replay
from ml.core.replay import accepted, replay
from ml.errors import UserError
from ml.io.captured import Captures
from ml.problem import Problem
from ml.proof.cost import latencies
from service.bundle import Bundle
from service.predictor import Predictor

TIMED = 200
"""Rows whose latency is taken."""


def replay_captured(
    problem: Problem,
    champion: tuple[Bundle, Predictor] | None,
    challenger: tuple[Bundle, Predictor],
    *,
    background: pd.DataFrame,
    folder: Path,
    bucket: str | None,
    count: int,
    seed: int,
) -> Replay:
    """Where there is nothing to replay the status and a sentence say so; no failure to read captures is raised, since
    what is shown beside a decision must not prevent it."""
    if champion is None:
        return Replay(status="no_champion", said="There is no champion yet whose answers could change.")
    captures = Captures(folder, bucket)
    try:
        found = captures.last(problem.name, count)
    except UserError as error:
        return Replay(status="not_captured", said=f"Captured requests could not be read: {error}.")
    if not found.rows:
        said = f"No request has been captured yet: {captures.source} has no rows of {problem.name}."
        return Replay(status="not_captured", said=said, source=captures.source, skipped=found.lost)
    timed = accepted(found.rows, champion[0].schema, challenger[0].schema)[:TIMED]
    predict = {"challenger": challenger[1].one, "champion": champion[1].one}
    done = replay(
        found.rows,
        _model(*champion),
        _model(*challenger),
        source=captures.source,
        background=background,
        latency=latencies(predict, [row.features for row in timed]) if timed else {},
        seed=seed,
    )
    return done.model_copy(update={"skipped": done.skipped + found.lost})


def _model(bundle: Bundle, predictor: Predictor) -> Model:
    return Model(bundle.schema, predictor.many)
