"""The versions that play in the controls, each made when a control first asks for it, and the gate that judges them."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml.core.decision import decide
from ml.core.export import Export, export
from ml.core.frame import TARGET, columns_of
from ml.core.record import Attached, Decision, Lineage, Replay, Validation
from ml.core.trees import Ensemble, boosted_trees, onnx_model
from ml.core.validation import conformal_interval
from ml.gate import Budget
from ml.problem import Problem
from service.bundle import GOLDEN, PROGRAM
from tests.controls.population import draw, mirrored, read
from tests.controls.versions import TRAINED_AT, Version, Workshop
from tests.support.models import Fitted

ROWS = 6_000
HELD_OUT = 4_000
DECIDED_AT = TRAINED_AT + timedelta(days=30)
LONG_AGO = TRAINED_AT - timedelta(days=200)
SLOW = 4.5
"""A larger model takes three times the champion's time, the slow one ten times."""


class Scene:
    """One problem's population, versions and policy; another seed draws other training rows."""

    def __init__(self, name: str, folder: Path, *, seed: int = 0) -> None:
        self.problem = read(name)
        self._workshop = Workshop(folder, self.problem)
        self._seed = seed

    @cached_property
    def holdout(self) -> pd.DataFrame:
        return draw(self.problem, HELD_OUT, 0)

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return draw(self.problem, ROWS, 1, self._seed)

    @cached_property
    def _later_rows(self) -> pd.DataFrame:
        return draw(self.problem, ROWS, 2, self._seed)

    @cached_property
    def champion(self) -> Version:
        """Made by code that lost a column on the way to the fit, which leaves something to gain."""
        return self._workshop.make("champion", self._rows, lost=["autumn"])

    @cached_property
    def mended(self) -> Version:
        """The champion's own rows and parameters, by code that keeps the column."""
        return self._workshop.make("mended", self._rows)

    @cached_property
    def better(self) -> Version:
        return self._workshop.make("better", self._later_rows)

    @cached_property
    def few(self) -> Version:
        return self._workshop.make("few", self._rows.head(2_000))

    @cached_property
    def fewer(self) -> Version:
        """Made of two thirds of the mended one's rows."""
        return self._workshop.make("fewer", self._rows.head(4_000))

    @cached_property
    def retrained(self) -> Version:
        """The champion's code on later rows."""
        return self._workshop.make("retrained", self._later_rows, lost=["autumn"])

    @cached_property
    def mirror(self) -> Version:
        """Lost the other half year: exactly as good as the champion in the population, and another model."""
        return self._workshop.make("mirror", mirrored(self._rows), lost=["spring"])

    @cached_property
    def without_south(self) -> Version:
        """Trained on later rows, of which most of the south's did not arrive."""
        rows = self._later_rows
        arrived = (rows["region"] != "south") | (np.arange(len(rows)) % 8 == 0)
        return self._workshop.make("without_south", rows[arrived])

    @cached_property
    def confused_south(self) -> Version:
        """Trained on later rows, of which the south's have each other's targets."""
        rows = self._later_rows
        south = rows["region"] == "south"
        return self._workshop.make("confused_south", pd.concat([rows[~south], mislabelled(rows[south], 1.0)]))

    @cached_property
    def oversampled(self) -> Version:
        """Trained with every positive row three times, as is done against imbalance."""
        rows = self._later_rows
        return self._workshop.make("oversampled", pd.concat([rows, *[rows[rows[TARGET] == 1.0]] * 2]))

    @cached_property
    def shifted(self) -> Version:
        """The better one with a constant added to its score: the same ranking, other probabilities."""
        program = self.better.bundle.document(PROGRAM)
        program["offset"] += 1.2
        golden = self.better.bundle.document(GOLDEN)
        odds = [output / (1.0 - output) * np.exp(1.2) for output in golden["outputs"]]
        golden["outputs"] = [odd / (1.0 + odd) for odd in odds]
        return self._workshop.alter(self.better, "shifted", {PROGRAM: program, GOLDEN: golden})

    @cached_property
    def skewed(self) -> Version:
        """The better one, served with a mean that training did not know."""
        return self._workshop.alter(self.better, "skewed", {PROGRAM: self._centred()}, refused=True)

    @cached_property
    def lenient(self) -> Version:
        """The same skew, in a bundle that allows itself any difference."""
        golden = self.better.bundle.document(GOLDEN) | {"tolerance": 1.0}
        parity = self.better.bundle.manifest.content.parity.model_copy(update={"tolerance": 1.0})
        documents = {PROGRAM: self._centred(), GOLDEN: golden}
        return self._workshop.alter(self.better, "lenient", documents, parity=parity)

    @cached_property
    def slow(self) -> Version:
        """The better one with every tree two hundred times, and the sum divided again."""
        return self._workshop.make("slow", self._later_rows, exporter=_repeated)

    @cached_property
    def heavy(self) -> Version:
        forest = {"family": "random_forest", "parameters": {"n_estimators": 100}}
        return self._workshop.make("heavy", self._later_rows, model=forest)

    @cached_property
    def certain(self) -> Version:
        """A few full-grown trees, which now and then agree on what is wrong."""
        forest = {"family": "random_forest", "parameters": {"n_estimators": 16}}
        return self._workshop.make("certain", self._later_rows, model=forest)

    @cached_property
    def leaky(self) -> Version:
        return self._workshop.make("leaky", leaking(self._later_rows))

    @cached_property
    def blind(self) -> Version:
        return self._workshop.make("blind", self._rows, lost=["age", "income", "spring", "autumn"])

    @cached_property
    def nearly_blind(self) -> Version:
        return self._workshop.make("nearly_blind", self._later_rows, lost=["age", "spring", "autumn"])

    @cached_property
    def narrow(self) -> Version:
        """States the interval of the residuals on the very rows that it was fitted on, and fitted too closely."""
        parameters = {"max_iter": 400, "max_leaf_nodes": 31, "min_samples_leaf": 5}
        return self._workshop.make("narrow", self._later_rows, model={"parameters": parameters}, stated=_in_sample)

    def judge(
        self,
        challenger: Version,
        champion: Version | None,
        holdout: pd.DataFrame | None = None,
        *,
        stale: bool = False,
        policy: dict[str, Any] | None = None,
        proved: bool = True,
        again: bool = False,
        resamples: int = 1_000,
        **changes: Any,
    ) -> Decision:
        """The whole gate.

        `stale`: the champion is old. `policy` and `changes` replace values of the gate and of the challenger.
        """
        rows = self.holdout if holdout is None else holdout
        gate = self.problem.gate.model_copy(update={"budget": self._budget} | (policy or {}))
        problem = self.problem.model_copy(update={"gate": gate})
        old = {"trained_at": LONG_AGO} if stale else {}
        return decide(
            problem,
            rows,
            champion.candidate(rows, **old) if champion else None,
            challenger.candidate(rows, **({"cost": challenger.cost} | changes)),
            attached=attached(challenger),
            parity=challenger.parity if proved else None,
            resamples=resamples,
            seed=0,
            decided_at=DECIDED_AT,
            again=again,
        )

    @cached_property
    def _budget(self) -> Budget:
        """The file's, its latency in what the champion takes on this machine: slow is slow on any of them."""
        written = self.problem.gate.budget
        assert written is not None
        return written.model_copy(update={"latency_ms": SLOW * self.champion.cost.latency_ms})

    def _centred(self) -> dict[str, Any]:
        program = self.better.bundle.document(PROGRAM)
        (spring,) = [step for step in program["inputs"] if step["feature"] == "spring"]
        spring["mean"] = 0.1
        return program


def leaking(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with the target copied into the income."""
    return frame.assign(income=20_000.0 + 10_000.0 * frame[TARGET])


def mislabelled(frame: pd.DataFrame, share: float) -> pd.DataFrame:
    """The rows, of which a share has another row's target (or the other class, where there are two)."""
    rng = np.random.default_rng(5)
    target = frame[TARGET].to_numpy(copy=True)
    chosen = rng.random(len(frame)) < share
    target[chosen] = 1.0 - target[chosen] if set(target) == {0.0, 1.0} else rng.permutation(target[chosen])
    return frame.assign(**{TARGET: target})


def attached(version: Version) -> Attached:
    """What is shown beside a decision and not judged: no request was captured here."""
    content = version.bundle.manifest.content
    lineage = Lineage(
        git_commit="unknown",
        git_dirty=False,
        data_source="drawn from a known law",
        data_digest=content.data_digest,
        params_digest=content.params_digest,
        environment_digest=content.environment_digest,
        run_id=version.name,
        bundle_digest=version.bundle.digest,
        trained_at=TRAINED_AT,
    )
    replay = Replay(status="not_captured", said="Nothing was captured.")
    return Attached(replay=replay, explanation=None, lineage=lineage)


def _repeated(pipeline: Pipeline, problem: Problem, times: int = 200) -> Export:
    exported = export(pipeline, problem)
    ensemble = boosted_trees(pipeline.named_steps["model"])
    program = exported.program.model_copy(update={"offset": ensemble.offset * times, "divisor": times})
    width = len(pipeline.named_steps["encode"].get_feature_names_out())
    model = onnx_model(Ensemble(ensemble.trees * times, program.offset), width=width)
    return Export(program, model, exported.thresholds)


def _in_sample(made: Fitted, validation: Validation) -> Validation:
    residuals = made.rows[TARGET].to_numpy() - made.predictor.many(columns_of(made.problem, made.rows))
    assert validation.coverage is not None
    bounds = conformal_interval(residuals, validation.coverage)
    assert bounds is not None
    return validation.model_copy(update={"low": bounds[0], "high": bounds[1]})
