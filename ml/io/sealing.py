"""Make the bundle that would be released: the program, and what is known of the model, under one digest."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ml.core.evaluation import Evaluation
from ml.core.frame import columns_of, digest_of, rounded
from ml.core.record import Validation
from ml.core.reference import reference
from ml.io.git import read_code
from ml.io.tables import BUNDLE, MODEL, PARITY, SOURCE, read_json, write_json
from ml.io.workspace import NOT_TRAINING, Workspace
from ml.problem import Problem
from service.bundle import (
    CARD,
    GOLDEN,
    PROGRAM,
    REFERENCE,
    SCHEMA,
    Bundle,
    Content,
    Parity,
    canonical,
    file_digests,
    seal,
    sha256,
)
from service.bundle import MODEL as ONNX
from service.predictor import Predictor, Program


@dataclass(frozen=True)
class Judged:
    """A model with the rows that made it and the evaluation of it."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    predictor: Predictor
    program: Program
    evaluation: Evaluation
    importance: dict[str, float]
    validation: Validation | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a model was made from: the folder of its files, source.json, and what only the manifest holds."""

    model: Path
    source: dict[str, Any]
    parity: Parity
    params_digest: str
    environment_digest: str
    provenance: dict[str, str]


def seal_bundle(workspace: Workspace, problem: Problem, judged: Judged) -> Bundle:
    """Write data/work/NAME/bundle anew from what the stages made."""
    work = workspace.work(problem.name)
    source = read_json(work / SOURCE)
    origin = Origin(
        model=work / MODEL,
        source=source,
        parity=Parity.model_validate(read_json(work / PARITY)),
        params_digest=params_digest(workspace, problem),
        environment_digest=workspace.environment_digest(),
        provenance=_provenance(workspace.root, source["label"]),
    )
    return seal_model(work / BUNDLE, problem, judged, origin)


def seal_model(folder: Path, problem: Problem, judged: Judged, origin: Origin) -> Bundle:
    """Write the bundle anew at `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in (PROGRAM, GOLDEN, ONNX):
        if (origin.model / name).exists():
            shutil.copyfile(origin.model / name, folder / name)
    write_json(folder / SCHEMA, problem.schema_.model_dump(mode="json"))
    write_json(folder / CARD, rounded(_card(problem, judged, origin.source)))
    fitted = judged.predictor.many(columns_of(problem, judged.train))
    write_json(folder / REFERENCE, rounded(reference(problem, judged.train, fitted)))
    content = Content(
        name=problem.name,
        task=problem.task,
        runtime=judged.program.runtime,
        data_digest=sha256(canonical([digest_of(judged.train), digest_of(judged.holdout)])),
        params_digest=origin.params_digest,
        environment_digest=origin.environment_digest,
        parity=origin.parity,
        files=file_digests(folder),
    )
    return seal(folder, content, origin.provenance)


def _card(problem: Problem, judged: Judged, source: dict[str, Any]) -> dict[str, Any]:
    """A file's path would make equal work differ by where it lay; it stands in the provenance."""
    label = "a data file" if source["kind"] == "file" else source["label"]
    evaluation = judged.evaluation
    return {
        "format": 1,
        "name": problem.name,
        "task": problem.task,
        "title": problem.title,
        "description": problem.description,
        "family": problem.model.family,
        "parameters": problem.model.parameters,
        "source": {"label": label, "synthetic": source["kind"] == "synthetic", "rows": source["rows"]},
        "rows": {"train": len(judged.train), "holdout": len(judged.holdout)},
        "confidence": evaluation.confidence,
        "metrics": {name: interval.model_dump() for name, interval in evaluation.metrics.items()},
        "slices": [{"metric": evaluation.metric, **part.model_dump()} for part in evaluation.slices],
        "importance": judged.importance,
        "validation": judged.validation.model_dump() if judged.validation else None,
        "limits": list(problem.limits),
    }


def params_digest(workspace: Workspace, problem: Problem) -> str:
    """Over what may change the bundle; of the gate only what a model's figures are made with."""
    spec = problem.model_dump(mode="json", exclude={"gate"})
    gate = problem.gate
    coverage = gate.calibration.coverage if gate.calibration else None
    judged_by = {"metric": gate.metric, "confidence": gate.confidence, "coverage": coverage}
    params = workspace.params().model_dump(mode="json", exclude=NOT_TRAINING)
    return sha256(canonical(rounded([spec, judged_by, params])))


def _provenance(root: Path, label: str) -> dict[str, str]:
    return {
        "git_commit": read_code(root).commit,
        "source": label,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
