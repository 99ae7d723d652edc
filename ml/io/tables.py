"""The files that the stages pass to each other in data/work/NAME."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

INGESTED = "ingested.parquet"
SOURCE = "source.json"
CLEAN = "clean.parquet"
QUARANTINE = "quarantine.csv"
CLEANING = "cleaning.json"
TRAIN = "train.parquet"
HOLDOUT = "holdout.parquet"
SPLIT = "split.json"
MODEL = "model"
PARITY = "parity.json"
SET_ASIDE = "set_aside.parquet"
VALIDATION = "validation.json"
METRICS = "metrics.json"
PLOTS = "plots"
BUNDLE = "bundle"
REGISTERED = "registered.json"
DECISION = "decision.json"
REPORT = "report.html"


def write_table(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)


def read_table(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


def write_json(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
