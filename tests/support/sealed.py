"""A fitted pipeline as the bundle that the stages would seal, without a checkout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ml.core.evaluation import evaluate
from ml.core.export import Export
from ml.core.frame import columns_of
from ml.core.parity import golden, prove_parity
from ml.core.record import Validation
from ml.io.models import save_model
from ml.io.sealing import Judged, Origin, seal_model
from service.bundle import Bundle, file_digests, seal
from tests.support.models import Fitted

GENERATED = 1_000
CREATED_AT = "2026-01-01T00:00:00+00:00"


def sealed(
    made: Fitted,
    folder: Path,
    *,
    holdout: pd.DataFrame | None = None,
    validation: Validation | None = None,
    synthetic: bool = False,
    params_digest: str = "params",
    created_at: str = CREATED_AT,
) -> Bundle:
    """The model's sealed bundle at `folder`/bundle; proved, evaluated and with golden rows as by the stages.

    Without a `holdout` the first 300 rows that it was fitted on stand in for it. Equal arguments give equal digests.
    """
    problem, rows = made.problem, made.rows.head(300) if holdout is None else holdout
    exported: Export = made.exported
    parity = prove_parity(made.pipeline, exported, problem, rows, generated=GENERATED, seed=0)
    save_model(folder / "model", made.pipeline, exported, golden(made.pipeline, problem, rows))
    output = made.predictor.many(columns_of(problem, rows))
    judged = Judged(
        train=made.rows,
        holdout=rows,
        predictor=made.predictor,
        program=exported.program,
        evaluation=evaluate(problem, rows, output, resamples=100, seed=0),
        importance={},
        validation=validation,
    )
    origin = Origin(
        model=folder / "model",
        source={"kind": "synthetic" if synthetic else "file", "label": "made by a test", "rows": len(made.rows)},
        parity=parity,
        params_digest=params_digest,
        environment_digest="environment",
        provenance={"git_commit": "unknown", "source": "made by a test", "created_at": created_at},
    )
    return seal_model(folder / "bundle", problem, judged, origin)


def resealed(bundle: Bundle, folder: Path, changes: Mapping[str, Callable[[Any], Any]]) -> Bundle:
    """The bundle with some of its JSON files replaced by functions of them, whole again under another digest."""
    shutil.copytree(bundle.folder, folder)
    for name, change in changes.items():
        (folder / name).write_text(json.dumps(change(bundle.document(name))), encoding="utf-8")
    content = bundle.manifest.content.model_copy(update={"files": file_digests(folder)})
    return seal(folder, content, bundle.manifest.provenance)
