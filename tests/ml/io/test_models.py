"""What a stage saved, the next one loads: the same outputs, no pickle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.core.parity import golden
from ml.core.pipeline import outputs
from ml.io.models import load_pipeline, save_model
from service.predictor import Program
from tests.support.models import KINDS, fitted


@pytest.mark.parametrize(("family", "categories"), KINDS)
def test_a_saved_model_loads_back_with_equal_outputs(tmp_path: Path, family: str, categories: str) -> None:
    made = fitted(family, categories, rows=500)
    document = golden(made.pipeline, made.problem, made.rows)
    save_model(tmp_path / "model", made.pipeline, made.exported, document)
    again = outputs(load_pipeline(tmp_path / "model"), made.problem, made.rows)
    np.testing.assert_array_equal(again, outputs(made.pipeline, made.problem, made.rows))
    assert json.loads((tmp_path / "model" / "golden.json").read_text()) == document
    program = Program.model_validate_json((tmp_path / "model" / "program.json").read_bytes())
    assert program == made.exported.program
    assert (tmp_path / "model" / "model.onnx").exists() == (family != "linear")
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix in (".pkl", ".joblib")]
