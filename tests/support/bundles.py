"""Small sealed bundles with weights that a reader can follow, for tests of what serves them."""

from __future__ import annotations

import json
from pathlib import Path

from service.bundle import CARD, GOLDEN, PROGRAM, REFERENCE, SCHEMA, Bundle, Content, Parity, file_digests, seal
from service.predictor import Levels, Number, Program, build_predictor
from service.schema import CAPTURE_ALL, CaptureRules, Feature, Output, Schema, Task, Value

FEATURES = (
    Feature(name="Gender", kind="category", levels=("Female", "Male"), example="Male"),
    Feature(name="Age", kind="integer", minimum=18, maximum=100, example=49),
    Feature(name="RegionID", kind="category", levels=tuple(range(53)), example=28),
    Feature(name="Premium", kind="number", minimum=0, maximum=1_000_000, nullable=True, example=1885.05),
    Feature(name="Insured", kind="boolean", example=False),
)
ROWS: tuple[dict[str, Value], ...] = (
    {"Gender": "Male", "Age": 49, "RegionID": 28, "Premium": 1885.05, "Insured": False},
    {"Gender": "Female", "Age": 18, "RegionID": 0, "Premium": None, "Insured": True},
    {"Gender": "Female", "Age": 100, "RegionID": 52, "Premium": 0.0, "Insured": False},
)


def write_bundle(
    folder: Path,
    *,
    name: str = "toy",
    task: Task = "binary",
    offset: float = 0.5,
    features: tuple[Feature, ...] = FEATURES,
    capture: CaptureRules = CAPTURE_ALL,
) -> Bundle:
    """A linear model over a few mixed features, sealed; `offset` makes bundles differ."""
    folder.mkdir(parents=True)
    schema = Schema(
        name=name, task=task, title="A toy", features=features, output=Output(name="target"), capture=capture
    )
    inputs = tuple(_input(feature) for feature in features)
    width = sum(len(step.vectors[0]) if isinstance(step, Levels) else 1 for step in inputs)
    program = Program(
        runtime="linear",
        link="logistic" if task == "binary" else "identity",
        offset=offset,
        inputs=inputs,
        weights=tuple(0.1 * (index + 1) for index in range(width)),
    )
    rows = [{feature.name: row.get(feature.name, feature.example) for feature in features} for row in ROWS]
    predictor = build_predictor(schema, program, b"")
    golden = {"rows": rows, "outputs": [predictor.one(row) for row in rows], "tolerance": 1e-9}
    card = {
        "name": name, "task": task, "title": "A toy", "description": "", "family": "linear", "parameters": {},
        "source": {"label": "made by a test", "synthetic": True, "rows": 1000},
        "rows": {"train": 800, "holdout": 200},
        "metrics": {"roc_auc": {"value": 0.8, "low": 0.78, "high": 0.82}}, "slices": [], "limits": ["a toy"],
    }  # fmt: skip
    reference = {"format": 1, "features": {}, "prediction": {"edges": [0.0, 0.5, 1.0], "counts": [500, 300]}}
    documents = {PROGRAM: program.model_dump(mode="json"), SCHEMA: schema.model_dump(mode="json")}
    documents |= {GOLDEN: golden, CARD: card, REFERENCE: reference}
    for file, document in documents.items():
        (folder / file).write_text(json.dumps(document), encoding="utf-8")
    content = Content(
        name=name, task=task, runtime="linear", data_digest="d", params_digest="p", environment_digest="e",
        parity=Parity(rows=1, largest_difference=0.0, tolerance=1e-9), files=file_digests(folder),
    )  # fmt: skip
    return seal(folder, content, {"created_at": "2026-01-01T00:00:00Z"})


def _input(feature: Feature) -> Number | Levels:
    if feature.kind in ("integer", "number"):
        return Number(feature=feature.name, missing=30_000.0, mean=40.0, scale=1000.0)
    count = len(feature.levels) or 2
    return Levels(feature=feature.name, vectors=tuple((float(index) / count,) for index in range(count)))
