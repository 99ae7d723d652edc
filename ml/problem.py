"""The typed form of a problem file: everything that makes one tabular problem differ from another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from ml.gate import METRICS, Gate
from service.schema import CAPTURE_ALL, CaptureRules, Feature, Frozen, Output, Schema, Task


class ProblemError(Exception):
    """The problem file is missing or makes no sense; the message says what to change where."""


class Synthetic(Frozen):
    """How a sample is drawn where no data is given: `signal` is the spread of the latent score."""

    rows: int = Field(default=20_000, ge=100)
    seed: int = 7
    positive_rate: float = Field(default=0.2, gt=0.0, lt=1.0)
    signal: float = Field(default=3.0, gt=0.0)


class FileSource(Frozen):
    """A CSV that a person names, or a labelled synthetic sample where the file allows one."""

    kind: Literal["file"]
    synthetic: Synthetic | None = None


class PackageSource(Frozen):
    """A CSV inside an installed Python package, seen by the loop as months arrive.

    `time` is an ISO date or timestamp column; `first` and `until` are inclusive months, YYYY-MM.
    """

    kind: Literal["package"]
    package: str
    path: str
    time: tuple[str, ...] = Field(min_length=1, max_length=2)
    first: str = Field(pattern=r"^\d{4}-\d{2}$")
    until: str = Field(pattern=r"^\d{4}-\d{2}$")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.first:
            raise ValueError(f"source: until, {self.until}, is before first, {self.first}")
        return self


class Derived(Frozen):
    """A column made from others before cleaning: the weekday (Monday is 1) of year, month and day columns."""

    name: str
    weekday_of: tuple[str, str, str]


class Columns(Frozen):
    """How the raw table's columns become the problem's: names on the right of `rename` are the problem's."""

    rename: dict[str, str] = {}
    ignored: tuple[str, ...] = ()
    derived: tuple[Derived, ...] = ()
    key: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_to_one(self) -> Self:
        new = list(self.rename.values())
        if twice := [name for name in new if new.count(name) > 1]:
            raise ValueError(f"columns.rename: two columns become {twice[0]!r}")
        return self


class Target(Frozen):
    """The column that is learnt. `above` makes a binary target of a number; `missing` says what a row without it is."""

    column: str
    above: float | None = None
    positive: int | str | None = None
    missing: Literal["refuse", "exclude"] = "refuse"
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if self.above is not None and self.positive is not None:
            raise ValueError("target: above and positive exclude each other")
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError("target: the minimum is not below the maximum")
        return self


class Split(Frozen):
    """The holdout is chosen by a hash of the key and the seed, so a row never changes sides."""

    holdout: float = Field(default=0.2, gt=0.0, lt=1.0)
    seed: int = 0


class ModelSpec(Frozen):
    """The estimator, its scikit-learn parameters, and how categories are encoded."""

    family: Literal["gradient_boosting", "random_forest", "linear"]
    categories: Literal["one_hot", "ordinal", "target_mean"]
    parameters: dict[str, Any] = {}
    seed: int = 0

    @model_validator(mode="after")
    def _seeded_once(self) -> Self:
        reserved = {"random_state", "n_jobs", "early_stopping", "categorical_features"} & self.parameters.keys()
        if reserved:
            raise ValueError(f"model.parameters: {', '.join(sorted(reserved))} is set by the pipeline; remove it")
        if self.family == "linear" and self.categories != "one_hot":
            raise ValueError("model.categories: a linear model needs one_hot")
        return self


class Cut(Frozen):
    """Slices of one feature: its levels, its quartiles, or the bins between the edges."""

    feature: str
    edges: tuple[float, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"feature": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"slices: the edges of {self.feature!r} do not rise")
        return self


class Tolerance(Frozen):
    """What may differ: outputs from scikit-learn's (relative above 1), and the share of bad rows in new data."""

    parity: float = Field(ge=1e-9)
    bad_rows: float = Field(ge=0.0, lt=1.0)


class Problem(Frozen):
    """One tabular problem; see docs/problems.md for every key."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    task: Task
    title: str
    description: str = ""
    source: Annotated[FileSource | PackageSource, Field(discriminator="kind")]
    columns: Columns
    features: tuple[Feature, ...] = Field(min_length=1)
    target: Target
    output: Output
    split: Split
    model: ModelSpec
    gate: Gate
    slices: tuple[Cut, ...] = ()
    tolerance: Tolerance
    limits: tuple[str, ...] = ()
    capture: CaptureRules = Field(default=CAPTURE_ALL, exclude_if=CAPTURE_ALL.__eq__)

    @property
    def schema_(self) -> Schema:
        """The part of the problem that the service needs."""
        return Schema(
            name=self.name,
            task=self.task,
            title=self.title,
            features=self.features,
            output=self.output,
            capture=self.capture,
        )

    @property
    def synthetic(self) -> Synthetic | None:
        """How to draw a sample where no data is given; None where the problem has none."""
        return self.source.synthetic if isinstance(self.source, FileSource) else None

    @property
    def metrics(self) -> tuple[str, ...]:
        return METRICS[self.task]

    @property
    def feature_names(self) -> list[str]:
        return [feature.name for feature in self.features]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = set(self.feature_names)
        if len(names) < len(self.features):
            twice = next(name for name in self.feature_names if self.feature_names.count(name) > 1)
            raise ValueError(f"features: {twice!r} is listed twice")
        if own := [name for name in names if name.startswith("_")]:
            raise ValueError(f"features: {own[0]!r} begins with an underscore, as only the pipeline's own columns do")
        self.gate.check(self.task, self.slices)
        self._check_slices()
        if self.target.column in names:
            raise ValueError(f"target: {self.target.column!r} is a feature as well")
        if (self.target.above is not None or self.target.positive is not None) and self.task != "binary":
            raise ValueError("target: above and positive belong to a binary problem")
        if overlap := names & set(self.columns.ignored):
            raise ValueError(f"columns.ignored: {sorted(overlap)[0]!r} is a feature")
        if self.target.column in self.columns.ignored:
            raise ValueError(f"columns.ignored: {self.target.column!r} is the target")
        self.capture.check(names)
        return self

    def _check_slices(self) -> None:
        kinds = {feature.name: feature.kind for feature in self.features}
        for cut in self.slices:
            if cut.feature not in kinds:
                raise ValueError(f"slices: {cut.feature!r} is not a feature")
            if cut.edges and kinds[cut.feature] not in ("integer", "number"):
                raise ValueError(f"slices: {cut.feature!r} is a {kinds[cut.feature]}; edges belong to a number")


class _Strict(yaml.SafeLoader):
    """YAML lets the last of two equal keys win without a word; in a problem file that is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if repeated := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(
                problem=f"key {repeated[0]!r} occurs twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep)


def read_problem(path: Path) -> Problem:
    """Read and check one problem file. Raises ProblemError in one sentence."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # noqa: S506 - a SafeLoader
    except OSError as error:
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml"))) or "none"
        raise ProblemError(f"no problem named {path.stem!r} in {path.parent}; there is: {known}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProblemError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        problem = Problem.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        said = first["msg"].removeprefix("Value error, ")
        raise ProblemError(f"{path}: {where}: {said}") from error
    if problem.name != path.stem:
        raise ProblemError(f"{path}: name is {problem.name!r}; it must be the file's name, {path.stem!r}")
    return problem
