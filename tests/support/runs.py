"""A small training run of a real pipeline, for tests of what records and releases it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from ml.io.runs import Estimate, TrainingRun
from tests.support.bundles import ROWS, write_bundle

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
KEYS = np.array([1, 2**63 + 5, 2**64 - 1], dtype=np.uint64)


def rows(count: int = 60) -> pd.DataFrame:
    """Rows of the toy schema, with gaps in the nullable number."""
    frame = pd.DataFrame(list(ROWS) * (count // len(ROWS)))
    frame["Premium"] = frame["Premium"].astype(float)
    return frame.assign(Age=18 + np.arange(len(frame)) % 80)


@cache
def fitted_pipeline() -> Any:
    """A logistic regression over encoded columns, fitted on the toy rows."""
    frame = rows()
    encode = ColumnTransformer(
        [
            ("levels", OneHotEncoder(handle_unknown="ignore"), ["Gender", "RegionID", "Insured"]),
            ("numbers", SimpleImputer(), ["Age", "Premium"]),
        ]
    )
    pipeline = Pipeline([("encode", encode), ("model", LogisticRegression(max_iter=1000))])
    return pipeline.fit(frame, (frame["Age"] > 50).astype(int))


def training_run(folder: Path, *, name: str, offset: float = 0.5, **changes: Any) -> TrainingRun:
    """A complete run; `offset` makes bundles differ, `changes` replace fields."""
    pictures = folder / f"pictures-{name}-{offset}"
    pictures.mkdir(parents=True)
    (pictures / "roc.png").write_bytes(PIXEL)
    inputs = folder / f"inputs-{name}-{offset}"
    (inputs / "problems").mkdir(parents=True)
    (inputs / "dvc.lock").write_text("schema: '2.0'\n")
    (inputs / "problems" / f"{name}.yaml").write_text(f"name: {name}\n")
    fields: dict[str, Any] = {
        "bundle": write_bundle(folder / f"bundle-{name}-{offset}", name=name, offset=offset),
        "pipeline": fitted_pipeline(),
        "example": rows().head(3),
        "params": {"family": "linear", "C": 1.0, "seed": 7},
        "metrics": {"roc_auc": Estimate(0.8, 0.78, 0.82), "rows": Estimate(60)},
        "training_keys": KEYS,
        "pictures": pictures,
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "dirty": True,
        "reason": "data changed",
        "source": "made by a test",
        "synthetic": True,
        "files": (inputs / "dvc.lock", inputs / "problems"),
    }
    return TrainingRun(**(fields | changes))
