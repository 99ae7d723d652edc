"""A fitted pipeline as a stock MLflow model: no pickle, a whole signature, pinned requirements."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pandas as pd

from ml.io.tracking import TrackingError
from service.schema import Task

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

REQUIRED = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
TRUSTED = ("numpy.", "scipy.", "sklearn.")


def log_pipeline(client: MlflowClient, run_id: str, pipeline: Any, example: pd.DataFrame, task: Task) -> str:
    """Log a fitted scikit-learn pipeline as the model of a run and give its model id.

    `example` is a few rows as the pipeline takes them; its dtypes become the signature. Requirements are given, so
    that MLflow does not load the model in a subprocess to guess them. Inside a Tracking session only.
    """
    import mlflow.sklearn

    run = client.get_run(run_id)
    # Made here, because log_model would look for an active run and else fall back to the default experiment.
    model = client.create_logged_model(
        run.info.experiment_id, name="model", source_run_id=run_id, params=dict(run.data.params)
    )
    info = mlflow.sklearn.log_model(
        pipeline,
        name="model",
        run_id=run_id,
        model_id=model.model_id,
        serialization_format="skops",
        skops_trusted_types=trusted_types(pipeline),
        signature=signature(pipeline, example, task),
        input_example=example,
        pip_requirements=[f"{package}=={version(package)}" for package in REQUIRED],
        pyfunc_predict_fn="predict_proba" if task == "binary" else "predict",
    )
    if info.signature is None:
        raise TrackingError("MLflow dropped the model's signature; nothing was registered")
    return str(model.model_id)


def signature(pipeline: Any, example: pd.DataFrame, task: Task) -> ModelSignature:
    """Columns by dtype, outputs from a prediction.

    Built by hand because inference makes a column optional when the example has a gap in it, and drops the whole
    signature for pandas' nullable integers. Raises TrackingError for a dtype that no signature can express.
    """
    from mlflow.models import ModelSignature
    from mlflow.models.signature import infer_signature
    from mlflow.types.schema import ColSpec, Schema

    predict = pipeline.predict_proba if task == "binary" else pipeline.predict
    inputs = Schema([ColSpec(_column_type(example[name]), name=str(name)) for name in example.columns])
    return ModelSignature(inputs=inputs, outputs=infer_signature(None, predict(example)).outputs)


def _column_type(column: pd.Series[Any]) -> str:
    kinds = {"b": "boolean", "i": "long", "u": "long", "f": "double"}
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "long" if dtype.categories.dtype.kind in "iu" else "string"
    if isinstance(dtype, pd.StringDtype) or dtype.kind == "O":
        return "string"
    if not pd.api.types.is_extension_array_dtype(dtype) and dtype.kind in kinds:
        return kinds[dtype.kind]
    raise TrackingError(f"column {column.name!r} has dtype {dtype}, which a model signature cannot express")


def trusted_types(pipeline: Any) -> list[str]:
    """The types that skops does not know by itself, all of them from the numeric stack.

    Raises TrackingError for any other: a stock client could not load the model.
    """
    import skops.io

    found = skops.io.get_untrusted_types(data=skops.io.dumps(pipeline))
    if foreign := [name for name in found if not name.startswith(TRUSTED)]:
        raise TrackingError(f"the pipeline holds types that a stock client cannot load: {', '.join(sorted(foreign))}")
    return sorted(found)
