from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from ml.io import tags
from ml.io.artifacts import fetch_artifact, fetch_bundle, training_keys
from ml.io.registry import Registry
from ml.io.runs import log_run
from ml.io.tracking import Tracking, TrackingError
from tests.support.runs import KEYS, PIXEL, fitted_pipeline, rows, training_run

STOCK_CLIENT = """
import json, sys
import mlflow, pandas
assert not any(name.split(".")[0] in ("ml", "service") for name in sys.modules)
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
print(json.dumps(model.predict(pandas.read_parquet(sys.argv[3])).tolist()))
"""


def test_a_run_logs_everything_that_was_given(
    tracking: Tracking, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = training_run(tmp_path, name="whole")
    registered = log_run(tracking, run)
    assert capfd.readouterr() == ("", "")
    version = Registry(tracking, "whole").version(registered.version)
    with tracking.session() as client:
        logged = client.get_run(registered.run_id)
        assert client.get_experiment(logged.info.experiment_id).name == "whole"
    assert logged.info.status == "FINISHED"
    assert logged.data.params == {"family": "linear", "C": "1.0", "seed": "7"}
    assert logged.data.metrics == {"roc_auc": 0.8, "roc_auc_low": 0.78, "roc_auc_high": 0.82, "rows": 60.0}
    expected = {
        tags.BUNDLE_DIGEST: run.bundle.digest,
        tags.DATA_DIGEST: "d",
        tags.PARAMS_DIGEST: "p",
        tags.ENVIRONMENT_DIGEST: "e",
        tags.GIT_COMMIT: run.commit,
        tags.GIT_DIRTY: "true",
        tags.REASON: "data changed",
        tags.SOURCE: "made by a test",
        tags.SYNTHETIC: "true",
    }
    assert expected.items() <= logged.data.tags.items()
    assert expected.items() <= version.tags.items()
    assert logged.data.tags["mlflow.source.git.commit"] == run.commit
    assert fetch_artifact(tracking, version, "pictures/roc.png", tmp_path / "got").read_bytes() == PIXEL
    source = fetch_artifact(tracking, version, "source", tmp_path / "got")
    assert {path.relative_to(source).as_posix() for path in source.rglob("*.*")} == {"dvc.lock", "problems/whole.yaml"}
    keys = training_keys(tracking, version)
    assert keys.dtype == np.uint64
    assert keys.tolist() == KEYS.tolist()


def test_who_started_a_run_and_its_image_are_told_where_they_are_known(tracking: Tracking, tmp_path: Path) -> None:
    known = training_run(tmp_path, name="known", triggered_by="a schedule", image="training@sha256:abc")
    unknown = training_run(tmp_path, name="unknown")
    told = [Registry(tracking, run.name).version(log_run(tracking, run).version).tags for run in (known, unknown)]
    assert (told[0][tags.TRIGGERED_BY], told[0][tags.IMAGE]) == ("a schedule", "training@sha256:abc")
    assert not {tags.TRIGGERED_BY, tags.IMAGE} & told[1].keys()


def test_the_bundle_lies_at_the_registered_address(tracking: Tracking, tmp_path: Path) -> None:
    run = training_run(tmp_path, name="address")
    version = Registry(tracking, "address").version(log_run(tracking, run).version)
    assert version.digest == run.bundle.digest
    assert version.bundle_uri.startswith("file:///" if tracking.database else "s3://")
    fetched = fetch_bundle(tracking, version, tmp_path / "fetched")
    assert fetched == replace(run.bundle, folder=tmp_path / "fetched")


def test_under_a_root_everything_of_a_model_lies_under_its_name(tracking: Tracking, tmp_path: Path) -> None:
    root = (tmp_path / "elsewhere").as_uri() if tracking.database else "s3://evergreen/elsewhere"
    tracking = replace(tracking, artifact_root=root)
    registered = log_run(tracking, training_run(tmp_path, name="named"))
    version = Registry(tracking, "named").version(registered.version)
    with tracking.session() as client:
        location = client.get_model_version_download_uri("named", str(registered.version))
    assert version.bundle_uri.startswith(f"{root}/named/")
    assert location.startswith(f"{root}/named/")


def test_the_proxied_artifacts_of_a_server_work_too(tracking: Tracking, tmp_path: Path) -> None:
    if tracking.database:
        tracking = replace(tracking, artifact_root=(tmp_path / "elsewhere").as_uri())
    else:
        tracking = replace(tracking, artifact_root="mlflow-artifacts:")
    run = training_run(tmp_path, name="rooted")
    version = Registry(tracking, "rooted").version(log_run(tracking, run).version)
    assert version.bundle_uri.startswith(f"{tracking.artifact_root}/")
    assert fetch_bundle(tracking, version, tmp_path / "fetched").digest == run.bundle.digest


def test_the_same_bundle_is_registered_once(tracking: Tracking, tmp_path: Path) -> None:
    first = log_run(tracking, training_run(tmp_path / "a", name="once"))
    again = log_run(tracking, training_run(tmp_path / "b", name="once"))
    other = log_run(tracking, training_run(tmp_path / "c", name="once", offset=0.7))
    assert (first.reused, again.reused, other.reused) == (False, True, False)
    assert again[:3] == first[:3]
    assert other.version != first.version
    with tracking.session() as client:
        experiment = client.get_experiment_by_name("once")
        assert experiment is not None
        assert len(client.search_runs([experiment.experiment_id])) == 2


def test_the_model_carries_its_whole_signature_and_an_example(tracking: Tracking, tmp_path: Path) -> None:
    registered = log_run(tracking, training_run(tmp_path, name="signed"))
    with tracking.session():
        import mlflow

        info = mlflow.models.get_model_info(f"models:/signed/{registered.version}")
        loaded = mlflow.pyfunc.load_model(f"models:/signed/{registered.version}")
    assert info.run_id == registered.run_id
    inputs = {column.name: (column.type.name, column.required) for column in info.signature.inputs}
    assert inputs == {
        "Gender": ("string", True),
        "Age": ("long", True),
        "RegionID": ("long", True),
        "Premium": ("double", True),
        "Insured": ("boolean", True),
    }
    assert info.signature.outputs is not None
    pd.testing.assert_frame_equal(loaded.input_example, rows().head(3), check_dtype=False)


def test_a_stock_client_predicts_as_the_pipeline_does(tracking: Tracking, tmp_path: Path) -> None:
    registered = log_run(tracking, training_run(tmp_path, name="stock"))
    Registry(tracking, "stock").promote(registered.version, expected=None, by="a test")
    rows().to_parquet(tmp_path / "rows.parquet")
    command = [sys.executable, "-I", "-c", STOCK_CLIENT]
    arguments = [tracking.uri, "models:/stock@champion", str(tmp_path / "rows.parquet")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fitted_pipeline().predict_proba(rows()).tolist()


def test_a_pipeline_with_code_of_its_own_registers_nothing(embedded: Tracking, tmp_path: Path) -> None:
    pipeline = Pipeline([("own", FunctionTransformer(_double)), ("model", LogisticRegression())])
    example = pd.DataFrame({"x": [1.0, 2.0]})
    run = training_run(tmp_path, name="foreign", pipeline=pipeline.fit(example, [0, 1]), example=example)
    with pytest.raises(TrackingError, match=r"types that a stock client cannot load: .*_double"):
        log_run(embedded, run)
    assert Registry(embedded, "foreign").versions() == ()
    with embedded.session() as client:
        experiment = client.get_experiment_by_name("foreign")
        assert experiment is not None
        assert [found.info.status for found in client.search_runs([experiment.experiment_id])] == ["FAILED"]


def test_a_dtype_that_would_lose_the_signature_is_refused(embedded: Tracking, tmp_path: Path) -> None:
    example = rows().head(3).astype({"Age": "Int64"})
    with pytest.raises(TrackingError, match="column 'Age' has dtype Int64"):
        log_run(embedded, training_run(tmp_path, name="nullable", example=example))
    assert Registry(embedded, "nullable").versions() == ()


def _double(frame: pd.DataFrame) -> pd.DataFrame:
    return frame * 2
