"""Small problems for tests: a mixed set of features, with every policy value open to a test."""

from __future__ import annotations

from typing import Any

from ml.gate import Gate
from ml.problem import Columns, Cut, FileSource, ModelSpec, PackageSource, Problem, Split, Target, Tolerance
from service.schema import Feature, Output, Task

FEATURES = (
    Feature(name="age", kind="integer", minimum=0, maximum=120, example=40),
    Feature(name="income", kind="number", minimum=-1e9, maximum=1e9, nullable=True, example=1.0),
    Feature(name="region", kind="category", levels=("north", "south", "west"), nullable=True, example="north"),
    Feature(name="insured", kind="boolean", example=True),
)


def make_problem(
    task: Task = "binary",
    *,
    features: tuple[Feature, ...] = FEATURES,
    slices: tuple[str | Cut, ...] = (),
    slice_policy: dict[str, Any] | None = None,
    unit: str = "",
    source: FileSource | PackageSource = FileSource(kind="file"),  # noqa: B008 (frozen)
    columns: Columns = Columns(key=("id",)),  # noqa: B008
    target: Target = Target(column="outcome"),  # noqa: B008
    split: Split = Split(),  # noqa: B008
    model: ModelSpec = ModelSpec(family="linear", categories="one_hot"),  # noqa: B008
    bad_rows: float = 0.01,
    **gate: Any,
) -> Problem:
    """A problem of the task; `gate` overrides single values of the release policy, `slice_policy` is its `slices`."""
    metric, floor = ("roc_auc", 0.5) if task == "binary" else ("r2", 0.0)
    policy = {
        "metric": metric,
        "minimum_gain": 0.0,
        "floors": {gate.get("metric", metric): floor},
        "maximum_gap": 0.5,
        "no_champion": "floors",
        "same_inputs": "refuse",
        "slices": slice_policy,
    } | gate
    return Problem(
        name="toy",
        task=task,
        title="A toy",
        source=source,
        columns=columns,
        features=features,
        target=target,
        output=Output(name="outcome", unit=unit),
        split=split,
        tolerance=Tolerance(parity=1e-9, bad_rows=bad_rows),
        model=model,
        gate=Gate.model_validate(policy),
        slices=tuple(Cut(feature=cut) if isinstance(cut, str) else cut for cut in slices),
    )
