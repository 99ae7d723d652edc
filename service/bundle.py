"""The unit of release: a folder of plain files, named by the sha256 of what they say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from service.schema import Frozen, Schema, Task

MANIFEST = "manifest.json"
SCHEMA = "schema.json"
PROGRAM = "program.json"
MODEL = "model.onnx"
REFERENCE = "reference.json"
GOLDEN = "golden.json"
CARD = "card.json"
REQUIRED = (SCHEMA, PROGRAM, REFERENCE, GOLDEN, CARD)


class BundleError(Exception):
    """A bundle is incomplete, altered, or of a format that this code does not read."""


class Parity(Frozen):
    """How far the exported program was from scikit-learn, proved before the bundle was sealed."""

    rows: int = Field(ge=1)
    largest_difference: float = Field(ge=0.0)
    tolerance: float = Field(gt=0.0)


class Content(Frozen):
    """The part of the manifest that the digest covers."""

    format: Literal[1] = 1
    name: str
    task: Task
    runtime: Literal["onnx-trees", "linear"]
    data_digest: str
    params_digest: str
    environment_digest: str
    parity: Parity
    files: dict[str, str]


class Manifest(Frozen):
    """manifest.json: the content, its digest, and provenance that may differ between equal bundles."""

    content: Content
    digest: str
    provenance: dict[str, str]


class Golden(Frozen):
    """golden.json: rows with the outputs of scikit-learn; a loaded model must give the same."""

    rows: tuple[dict[str, bool | int | float | str | None], ...]
    outputs: tuple[float, ...]
    tolerance: float


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk."""

    folder: Path
    manifest: Manifest
    schema: Schema

    @property
    def digest(self) -> str:
        return self.manifest.digest

    def document(self, name: str) -> dict[str, Any]:
        """One of the bundle's JSON files, parsed."""
        document: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return document

    def golden(self) -> Golden:
        return Golden.model_validate_json((self.folder / GOLDEN).read_bytes())


def canonical(document: object) -> bytes:
    """JSON with sorted keys and no white space: equal documents give equal bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_digests(folder: Path) -> dict[str, str]:
    """sha256 of every file of a bundle but its manifest, by path relative to the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in files}
    digests.pop(MANIFEST, None)
    return digests


def seal(folder: Path, content: Content, provenance: dict[str, str]) -> Bundle:
    """Write the manifest of a finished folder and read the bundle back as the service will."""
    manifest = Manifest(
        content=content, digest=sha256(canonical(content.model_dump(mode="json"))), provenance=provenance
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return read_bundle(folder)


def read_bundle(folder: Path, *, expect: str | None = None) -> Bundle:
    """Read and verify a bundle.

    `expect` is the digest that the registry promised. Raises BundleError when a file is missing, added or
    altered, when the content does not have the manifest's digest, or when that is not the expected one.
    """
    manifest = _read_manifest(folder)
    content = manifest.content
    if sha256(canonical(content.model_dump(mode="json"))) != manifest.digest:
        raise BundleError(f"{folder}: the manifest's content does not match its digest")
    if expect is not None and manifest.digest != expect:
        raise BundleError(f"{folder}: digest {manifest.digest[:12]} is not the expected {expect[:12]}")
    found = file_digests(folder)
    for name in sorted(found.keys() | content.files.keys() | set(REQUIRED)):
        if found.get(name) != content.files.get(name) or name not in found:
            problem = "missing" if name not in found else "altered" if name in content.files else "not in the manifest"
            raise BundleError(f"{folder}: {name} is {problem}")
    try:
        schema = Schema.model_validate_json((folder / SCHEMA).read_bytes())
    except ValidationError as error:
        raise BundleError(f"{folder}: {SCHEMA}: {error}") from error
    if (schema.name, schema.task) != (content.name, content.task):
        raise BundleError(f"{folder}: {SCHEMA} is of another model than the manifest")
    return Bundle(folder=folder, manifest=manifest, schema=schema)


def _read_manifest(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise BundleError(f"{folder}: no readable {MANIFEST}: {error.strerror}") from error
    except ValidationError as error:
        raise BundleError(f"{folder}: {MANIFEST} is not of format 1: {error.error_count()} errors") from error
