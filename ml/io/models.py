"""The fitted pipeline and its export as files of data/work/NAME/model; no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import skops.io
from sklearn.pipeline import Pipeline

from ml.core.export import Export
from ml.io.tables import write_json
from service.bundle import GOLDEN, MODEL, PROGRAM

PIPELINE = "pipeline.skops"


def save_model(folder: Path, pipeline: Pipeline, exported: Export, golden: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(pipeline, folder / PIPELINE)
    (folder / PROGRAM).write_text(exported.program.model_dump_json() + "\n", encoding="utf-8")
    if exported.model:
        (folder / MODEL).write_bytes(exported.model)
    write_json(folder / GOLDEN, golden)


def load_pipeline(folder: Path) -> Pipeline:
    """The pipeline that a stage of this checkout saved; its own types are trusted for that reason."""
    path = folder / PIPELINE
    pipeline: Pipeline = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    return pipeline
