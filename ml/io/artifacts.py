"""What a version's run keeps beside the model: read it back verified, and add the decision to it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.io import tags
from ml.io.registry import Registry, Version
from ml.io.runs import BUNDLE, TRAINING_KEYS
from ml.io.tables import DECISION, REPORT
from ml.io.tracking import Tracking, TrackingError
from service.bundle import Bundle, read_bundle, sha256


class AlteredError(TrackingError):
    """What lies in the artifact store is not what the registry says."""


def fetch_artifact(tracking: Tracking, version: Version, path: str, into: Path) -> Path:
    """Download a file or folder of the version's run to `into`/`path`.

    Raises TrackingError, also where the run has no such artifact.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tracking.session() as client:
        from mlflow.exceptions import MlflowException

        try:
            return Path(client.download_artifacts(version.run_id, path, str(into)))
        except (MlflowException, OSError) as error:
            # MLflow words a store that is away like a wrong path, so both are named.
            raise TrackingError(
                f"{path} of {version.name} version {version.number} cannot be read: it is not there, or the artifact "
                f"store does not answer ({version.bundle_uri.removesuffix(BUNDLE)})"
            ) from error


def fetch_bundle(tracking: Tracking, version: Version, into: Path) -> Bundle:
    """The version's bundle at `into`, verified against the digest in the registry.

    A folder that is there already is verified and used. Raises TrackingError, and BundleError for a bundle that is
    not what was registered; nothing is left at `into` then.
    """
    if into.exists():
        return read_bundle(into, expect=version.digest)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".fetch-") as folder:
        fetched = fetch_artifact(tracking, version, BUNDLE, Path(folder))
        read_bundle(fetched, expect=version.digest)
        fetched.rename(into)
    return read_bundle(into, expect=version.digest)


def training_keys(tracking: Tracking, version: Version) -> npt.NDArray[np.uint64]:
    """Keys of the rows that the version was fitted on, shape (rows,)."""
    with tempfile.TemporaryDirectory() as folder:
        path = fetch_artifact(tracking, version, TRAINING_KEYS, Path(folder))
        keys: npt.NDArray[np.uint64] = np.load(path, allow_pickle=False)
    return keys


def log_proof(registry: Registry, number: int, record: bytes, page: bytes) -> str:
    """Attach decision.json, and the page that shows it, to the version's run; the record's sha256 to the version.

    The sha256 is returned, and written last: a record that arrived alone does not fit it and is not believed.
    """
    version = registry.version(number)
    with tempfile.TemporaryDirectory() as folder, registry.tracking.session() as client:
        for name, content in ((DECISION, record), (REPORT, page)):
            path = Path(folder) / name
            path.write_bytes(content)
            client.log_artifact(version.run_id, str(path))
    digest = sha256(record)
    registry.tag(number, {tags.DECISION_SHA256: digest})
    return digest


def fetch_decision(tracking: Tracking, version: Version) -> bytes | None:
    """The record that `log_proof` attached last, or None. Raises AlteredError for one that was altered since."""
    digest = version.tags.get(tags.DECISION_SHA256)
    if digest is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        record = fetch_artifact(tracking, version, DECISION, Path(folder)).read_bytes()
    if sha256(record) != digest:
        raise AlteredError(f"{DECISION} of {version.name} version {version.number} is not the one that was recorded")
    return record
