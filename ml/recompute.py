"""From a request id to the model, data and code behind the answer, and the same answer again, bit for bit."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from ml.core.replay import CapturedRow
from ml.errors import UserError
from ml.io import tags
from ml.io.artifacts import fetch_artifact
from ml.io.captured import Answered, Captures
from ml.io.git import git
from ml.io.invalid import in_words
from ml.io.kept import Kept, kept
from ml.io.registry import Registry, Version
from ml.io.runs import SOURCE
from ml.io.workspace import Workspace
from ml.loop import bundle_of
from service.bundle import Bundle, BundleError
from service.errors import InvalidInput
from service.predictor import load_predictor
from service.validation import Validator


@dataclass(frozen=True)
class Code:
    """The commit that trained the model, whether git knows it here, and whether there was more than it."""

    commit: str
    known: bool
    dirty: bool


@dataclass(frozen=True)
class Output:
    """What was answered for a row, and what comes out now."""

    index: int
    captured: float
    recomputed: float

    @property
    def same(self) -> bool:
        return self.captured.hex() == self.recomputed.hex()


@dataclass(frozen=True)
class Recomputed:
    """What is known of an answer. `said` is one sentence: how it came out, or what is missing.

    `made_on` is the architecture that the bundle was made on (empty in older ones), `here` this one; the service does
    not capture its own. `way` is how the service must have computed: one row, or a batch.
    """

    request_id: str
    status: Literal["same", "differs", "missing"]
    said: str
    problem: str = ""
    answered_at: datetime | None = None
    digest: str = ""
    version: int | None = None
    data_digest: str = ""
    data: Kept | None = None
    code: Code | None = None
    made_on: str = ""
    here: str = field(default_factory=platform.machine)
    way: str = ""
    outputs: tuple[Output, ...] = ()


def recompute(workspace: Workspace, request_id: str, *, since: datetime) -> Recomputed:
    """Look for the newest request of that id, captured in the hour of `since` or later, and answer it again."""
    places = Captures(workspace.captured, workspace.capture_bucket)
    found = places.find(request_id, since=since)
    if found is None:
        said = (
            f"no request {request_id} is in {places.source} since {since:%Y-%m-%d %H:%M} UTC; "
            "a service writes what it captured every few seconds"
        )
        return Recomputed(request_id, "missing", said)
    first = found.rows[0]
    known = Recomputed(
        request_id, "missing", "", problem=found.problem, answered_at=first.time, digest=first.digest
    )  # fmt: skip
    try:
        version = _version(workspace, found.problem, first)
        known = _traced(workspace, version, known)
        bundle = bundle_of(workspace, version)
        known = replace(known, made_on=bundle.manifest.provenance.get("machine", ""))
        return _compared(known, bundle, found)
    except (UserError, BundleError) as error:
        return replace(known, said=str(error))


def _version(workspace: Workspace, problem: str, row: CapturedRow) -> Version:
    """The version that answered. A service that was given a folder knows no number, so its digest is looked for."""
    registry = Registry(workspace.tracking, problem)
    for version in registry.versions():
        if version.digest == row.digest and row.version in (None, str(version.number)):
            return version
    named = "" if row.version is None else f" as version {row.version}"
    uri = registry.tracking.uri
    raise UserError(f"the model that answered, {row.digest[:12]} of {problem}, is not registered{named} at {uri}")


def _traced(workspace: Workspace, version: Version, known: Recomputed) -> Recomputed:
    commit = version.tags.get(tags.GIT_COMMIT, "")
    return replace(
        known,
        version=version.number,
        data_digest=version.tags.get(tags.DATA_DIGEST, ""),
        data=_kept(workspace, version),
        code=Code(commit, _knows(workspace.root, commit), version.tags.get(tags.GIT_DIRTY) == "true"),
    )


def _kept(workspace: Workspace, version: Version) -> Kept | None:
    with tempfile.TemporaryDirectory(prefix="evergreen-") as folder:
        try:
            lock = fetch_artifact(workspace.tracking, version, f"{SOURCE}/dvc.lock", Path(folder))
        except UserError:
            return None
        return kept(workspace.root, lock, version.name)


def _knows(root: Path, commit: str) -> bool:
    try:
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except UserError:
        return False
    return True


def _compared(known: Recomputed, bundle: Bundle, found: Answered) -> Recomputed:
    """Raises UserError in one sentence where rows or features are missing."""
    rules = bundle.schema.capture
    if removed := [*rules.drop, *rules.hash]:
        raise UserError(f"the capture rules dropped or hashed {', '.join(map(repr, removed))}, which the model needs")
    if [row.index for row in found.rows] != list(range(len(found.rows))):
        raise UserError(f"only {len(found.rows)} rows of the batch were captured whole; its file is damaged")
    ways = []
    for way, answers in _answers(bundle, found.rows):
        outputs = tuple(
            Output(row.index, row.output, answer) for row, answer in zip(found.rows, answers, strict=True)
        )  # fmt: skip
        if all(output.same for output in outputs):
            return replace(known, status="same", said=_same(len(outputs)), way=way, outputs=outputs)
        ways.append((way, outputs))
    if found.lost:
        raise UserError("the file of the captured request is damaged, so the batch may have had more rows")
    way, outputs = ways[0]
    return replace(known, status="differs", said=_differs(outputs, known), way=way, outputs=outputs)


def _answers(bundle: Bundle, rows: Sequence[CapturedRow]) -> Iterator[tuple[str, list[float]]]:
    """By the service's own validator and predictor. A single row may have come alone or as a batch of one."""
    predictor, validator = load_predictor(bundle), Validator(bundle.schema, max_rows=len(rows))
    bodies = [json.dumps(row.features).encode() for row in rows]
    try:
        if len(rows) == 1:
            yield "one row", [predictor.one(validator.row(bodies[0]))]
        columns = validator.columns(b'{"rows":[' + b",".join(bodies) + b"]}")
    except InvalidInput as error:
        raise UserError(f"the captured features are not what the model takes: {in_words(error)}") from error
    yield f"a batch of {len(rows)}", predictor.many(columns).tolist()


def _same(rows: int) -> str:
    return "the same output, bit for bit" if rows == 1 else f"the same {rows} outputs, bit for bit"


def _differs(outputs: Sequence[Output], known: Recomputed) -> str:
    apart = [output for output in outputs if not output.same]
    largest = max(abs(output.captured - output.recomputed) for output in apart)
    made = f"the bundle was made on {known.made_on}, " if known.made_on else ""
    return f"{len(apart)} of {len(outputs)} outputs differ, by up to {largest:.3g}; {made}this is {known.here}"
