"""What a model takes and gives, as it stands in a bundle's schema.json and in every problem file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Task = Literal["binary", "regression"]
Kind = Literal["integer", "number", "category", "boolean"]
Value = bool | int | float | str | None
Level = Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True, min_length=1)]


class Frozen(BaseModel):
    """A value that refuses unknown keys and later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Feature(Frozen):
    """One input of a model. Levels are listed in the order in which they are encoded."""

    name: str = Field(min_length=1)
    kind: Kind
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[Level, ...] = ()
    nullable: bool = False
    example: Value = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        where = f"feature {self.name!r}"
        if (self.kind == "category") != bool(self.levels):
            raise ValueError(f"{where}: levels belong to a category, and a category needs them")
        if len(set(self.levels)) != len(self.levels):
            raise ValueError(f"{where}: a level is listed twice")
        if len({type(level) for level in self.levels}) > 1:
            raise ValueError(f"{where}: levels are either all integers or all texts")
        bounded = self.minimum is not None or self.maximum is not None
        if bounded and self.kind in ("category", "boolean"):
            raise ValueError(f"{where}: bounds belong to an integer or a number")
        if self.kind in ("integer", "number") and (self.minimum is None or self.maximum is None):
            raise ValueError(f"{where}: a minimum and a maximum are needed")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{where}: the minimum is above the maximum")
        if self.nullable and self.levels and isinstance(self.levels[0], int):
            raise ValueError(f"{where}: a nullable category needs levels that are texts")
        if not self.accepts(self.example):
            raise ValueError(f"{where}: the example {self.example!r} is not a valid value")
        return self

    def accepts(self, value: Value) -> bool:
        """Whether a single value may be given for this feature."""
        if value is None:
            return self.nullable
        if self.kind == "boolean":
            return isinstance(value, bool)
        if self.kind == "category":
            return not isinstance(value, bool) and value in self.levels
        if isinstance(value, (bool, str)):
            return False
        assert self.minimum is not None and self.maximum is not None
        return self.minimum <= value <= self.maximum and (self.kind == "number" or value == int(value))


class Output(Frozen):
    """What is predicted. `threshold` turns a probability into a class and belongs to binary tasks."""

    name: str = Field(min_length=1)
    description: str = ""
    unit: str = ""
    threshold: float = Field(default=0.5, gt=0.0, lt=1.0)


class CaptureRules(Frozen):
    """What is kept of a prediction: of which share of the requests, without which features, which ones hashed."""

    share: float = Field(default=1.0, ge=0.0, le=1.0)
    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    def check(self, names: Collection[str]) -> None:
        """Raise ValueError unless every feature that is named exists and is named once."""
        named = (*self.drop, *self.hash)
        if unknown := [name for name in named if name not in names]:
            raise ValueError(f"capture: {unknown[0]!r} is not a feature")
        if twice := [name for name in named if named.count(name) > 1]:
            raise ValueError(f"capture: {twice[0]!r} is named twice; drop it or hash it")


CAPTURE_ALL = CaptureRules()


class Schema(Frozen):
    """The contract of one model: the content of schema.json.

    `capture` is left out where nothing is said, so that such bundles keep their digests.
    """

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    task: Task
    title: str = ""
    features: tuple[Feature, ...] = Field(min_length=1)
    output: Output
    capture: CaptureRules = Field(default=CAPTURE_ALL, exclude_if=CAPTURE_ALL.__eq__)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("a feature is listed twice")
        self.capture.check(names)
        return self

    @property
    def example(self) -> dict[str, Value]:
        """One valid row, from the features' examples."""
        return {feature.name: feature.example for feature in self.features}
