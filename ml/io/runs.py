"""Log one training run with everything that it takes to judge, serve and reproduce it, and register its model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.io import tags
from ml.io.flavor import log_pipeline
from ml.io.locks import machine_lock
from ml.io.tracking import Tracking
from service.bundle import Bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE = "bundle"
PICTURES = "pictures"
SOURCE = "source"
TRAINING_KEYS = "training_keys.npy"
PARAMS_PER_CALL = 100  # MLflow's own limit


class Estimate(NamedTuple):
    """A metric with its confidence interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What a training run leaves behind.

    `example` is a few rows as the pipeline takes them. `files` (files or folders: dvc.lock, params.yaml, the problem
    file, a patch of uncommitted work, metrics.json) go under source/. `training_keys` are 64-bit hashes of the keys
    of the rows that the model was fitted on, so that a later holdout can leave them out. `triggered_by` and `image`
    (who started the run, the container image with its digest) are left out where they are not known.
    """

    bundle: Bundle
    pipeline: Any
    example: pd.DataFrame
    params: Mapping[str, str | int | float | bool | None]
    metrics: Mapping[str, Estimate]
    training_keys: npt.NDArray[np.uint64]
    pictures: Path
    commit: str
    dirty: bool
    reason: str
    source: str
    synthetic: bool
    triggered_by: str = ""
    image: str = ""
    files: tuple[Path, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.bundle.schema.name


class Registered(NamedTuple):
    """A registered model version; `reused` when the same bundle had been registered before."""

    version: int
    run_id: str
    digest: str
    reused: bool


def log_run(tracking: Tracking, run: TrainingRun) -> Registered:
    """Log the run under the experiment of the problem's name and register its model under the same name.

    A bundle that is registered already keeps its version and its run. A run that fails half-way is marked FAILED and
    registers nothing. Raises TrackingError.
    """
    with machine_lock(tracking, run.name), tracking.session() as client:
        _ensure_model(client, run.name)
        if found := _registered(client, run.name, run.bundle.digest):
            return found
        with _mlflow_run(client, _experiment(client, tracking, run.name), run) as run_id:
            _log_values(client, run_id, run)
            _log_files(client, run_id, run)
            model_id = log_pipeline(client, run_id, run.pipeline, run.example, run.bundle.schema.task)
            version = client.create_model_version(
                run.name,
                source=f"models:/{model_id}",
                run_id=run_id,
                model_id=model_id,
                tags=_version_tags(client, run_id, run),
                description=_description(run),
            )
    return Registered(int(version.version), run_id, run.bundle.digest, reused=False)


def _registered(client: MlflowClient, name: str, digest: str) -> Registered | None:
    found = client.search_model_versions(f"name = '{name}' AND tags.`{tags.BUNDLE_DIGEST}` = '{digest}'")
    if not found:
        return None
    first = min(found, key=lambda version: int(version.version))
    return Registered(int(first.version), str(first.run_id), digest, reused=True)


def _ensure_model(client: MlflowClient, name: str) -> None:
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)


def _experiment(client: MlflowClient, tracking: Tracking, name: str) -> str:
    if experiment := client.get_experiment_by_name(name):
        return str(experiment.experiment_id)
    location = f"{tracking.artifact_root}/{name}" if tracking.artifact_root else None
    return str(client.create_experiment(name, artifact_location=location))


@contextmanager
def _mlflow_run(client: MlflowClient, experiment: str, run: TrainingRun) -> Iterator[str]:
    run_tags = {**_content_tags(run), "mlflow.source.git.commit": run.commit, **run.tags}
    created = client.create_run(experiment, tags=run_tags, run_name=f"{run.name}-{run.bundle.digest[:8]}")
    run_id = str(created.info.run_id)
    status = "FAILED"
    try:
        yield run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status=status)


def _log_values(client: MlflowClient, run_id: str, run: TrainingRun) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    numbers = {
        name + suffix: value
        for name, estimate in run.metrics.items()
        for suffix, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
        if value is not None
    }
    client.log_batch(run_id, metrics=[Metric(name, float(value), now, 0) for name, value in numbers.items()])
    params = [Param(name, str(value)) for name, value in run.params.items()]
    for start in range(0, len(params), PARAMS_PER_CALL):
        client.log_batch(run_id, params=params[start : start + PARAMS_PER_CALL])


def _log_files(client: MlflowClient, run_id: str, run: TrainingRun) -> None:
    client.log_artifacts(run_id, str(run.bundle.folder), BUNDLE)
    client.log_artifacts(run_id, str(run.pictures), PICTURES)
    for path in run.files:
        if path.is_dir():
            client.log_artifacts(run_id, str(path), f"{SOURCE}/{path.name}")
        else:
            client.log_artifact(run_id, str(path), SOURCE)
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / TRAINING_KEYS
        np.save(keys, run.training_keys, allow_pickle=False)
        client.log_artifact(run_id, str(keys))


def _content_tags(run: TrainingRun) -> dict[str, str]:
    content = run.bundle.manifest.content
    known = {tags.TRIGGERED_BY: run.triggered_by, tags.IMAGE: run.image}
    return {
        tags.BUNDLE_DIGEST: run.bundle.digest,
        tags.DATA_DIGEST: content.data_digest,
        tags.PARAMS_DIGEST: content.params_digest,
        tags.ENVIRONMENT_DIGEST: content.environment_digest,
        tags.GIT_COMMIT: run.commit,
        tags.GIT_DIRTY: str(run.dirty).lower(),
        tags.REASON: run.reason,
        tags.SOURCE: run.source,
        tags.SYNTHETIC: str(run.synthetic).lower(),
        **{name: value for name, value in known.items() if value},
    }


def _version_tags(client: MlflowClient, run_id: str, run: TrainingRun) -> dict[str, str]:
    artifacts = client.get_run(run_id).info.artifact_uri
    return {**_content_tags(run), tags.BUNDLE_URI: f"{artifacts}/{BUNDLE}"}


def _description(run: TrainingRun) -> str:
    data = f"{run.source}, synthetic" if run.synthetic else run.source
    figures = ", ".join(_figure(name, estimate) for name, estimate in run.metrics.items())
    return f"Trained on {data} because of: {run.reason}. {figures}"


def _figure(name: str, estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{name} {estimate.value:.4g}"
    return f"{name} {estimate.value:.4g} ({estimate.low:.4g} to {estimate.high:.4g})"
