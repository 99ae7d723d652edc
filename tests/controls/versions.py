"""Versions of a model made of real parts: fitted, exported, validated, sealed, loaded by the serving predictor."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from ml.core.decision import Candidate
from ml.core.export import Export, export
from ml.core.frame import KEY, Keys, columns_of
from ml.core.pipeline import fit
from ml.core.record import Cost, HttpParity, Validation
from ml.core.validation import answers, validate
from ml.problem import Problem
from ml.proof.cost import cost
from ml.proof.http_parity import prove_over_http
from service.bundle import CARD, MODEL, PROGRAM, Bundle, file_digests, seal
from service.predictor import Predictor, Program, build_predictor, load_predictor
from tests.support.models import Fitted
from tests.support.sealed import sealed

TRAINED_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """A sealed bundle, and what a proof measures of it, once, when it is asked for. `refused`: by the predictor."""

    name: str
    bundle: Bundle
    trained_on: Keys
    refused: bool = False

    @cached_property
    def predictor(self) -> Predictor:
        """The serving predictor; of a bundle that it refuses, the program as it is, so that the rules are reached."""
        if not self.refused:
            return load_predictor(self.bundle)
        program = Program.model_validate(self.bundle.document(PROGRAM))
        return build_predictor(self.bundle.schema, program, (self.bundle.folder / MODEL).read_bytes())

    @cached_property
    def parity(self) -> HttpParity:
        return prove_over_http(self.bundle)

    @cached_property
    def cost(self) -> Cost:
        return cost(self.bundle, self.predictor)

    @property
    def validation(self) -> Validation:
        return Validation.model_validate(self.bundle.document(CARD)["validation"])

    def candidate(self, holdout: pd.DataFrame, **changes: Any) -> Candidate:
        """The version as the gate sees it on these rows; `changes` replace fields."""
        content, provenance = self.bundle.manifest.content, self.bundle.manifest.provenance
        fields: dict[str, Any] = {
            "version": self.name,
            "digest": self.bundle.digest,
            "outputs": self.predictor.many(columns_of(self.bundle.schema, holdout)),
            "trained_on": self.trained_on,
            "trained_at": datetime.fromisoformat(provenance["created_at"]),
            "data_digest": content.data_digest,
            "params_digest": content.params_digest,
            "validation": self.validation,
        }
        return Candidate(**(fields | changes))


class Workshop:
    """Makes versions of one problem in a folder."""

    def __init__(self, folder: Path, problem: Problem) -> None:
        self._folder = folder
        self._problem = problem

    def make(
        self,
        name: str,
        train: pd.DataFrame,
        *,
        lost: Sequence[str] = (),
        model: Mapping[str, Any] | None = None,
        exporter: Callable[[Pipeline, Problem], Export] = export,
        stated: Callable[[Fitted, Validation], Validation] = lambda _made, validation: validation,
    ) -> Version:
        """A version made from the rows.

        `lost`: number columns that are zero by the time the pipeline is fitted. `model` replaces values of the
        problem's model, `exporter` makes the program, `stated` changes what the bundle says of its validation.
        """
        spec = self._problem.model.model_copy(update=dict(model or {}))
        problem = self._problem.model_copy(update={"model": spec})
        learnt = train.assign(**dict.fromkeys(lost, 0.0))
        pipeline = fit(problem, learnt)
        made = Fitted(problem, train, pipeline, exporter(pipeline, problem))
        validation = validate(problem, answers(problem, learnt, 0), 0)
        assert validation is not None
        bundle = sealed(
            made,
            self._folder / name,
            validation=stated(made, validation),
            params_digest=spec.model_dump_json(),
            created_at=TRAINED_AT.isoformat(),
        )
        return Version(name, bundle, train[KEY].to_numpy())

    def alter(
        self, version: Version, name: str, documents: Mapping[str, Any], *, refused: bool = False, **content: Any
    ) -> Version:
        """The version with JSON files of its bundle and values of its manifest replaced, sealed so that digests fit."""
        folder = self._folder / name / "bundle"
        shutil.copytree(version.bundle.folder, folder)
        for file, document in documents.items():
            (folder / file).write_text(json.dumps(document), encoding="utf-8")
        manifest = version.bundle.manifest
        changed = manifest.content.model_copy(update={"files": file_digests(folder)} | content)
        return Version(name, seal(folder, changed, manifest.provenance), version.trained_on, refused=refused)
