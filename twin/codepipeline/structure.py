"""A pipeline's declaration as types, in the names of CodePipeline's own API; what is not here is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

APPROVAL_MINUTES = 7 * 24 * 60
INVOKE_MINUTES = 24 * 60


class Declared(BaseModel):
    """Refuses what the twin's CodePipeline does not do, so that nobody takes its silence for a proof."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class ActionType(Declared):
    category: str
    owner: str
    provider: str
    version: str


class ArtifactName(Declared):
    name: str


class Action(Declared):
    name: str
    action_type_id: ActionType
    run_order: int = 1
    configuration: dict[str, str] = {}
    input_artifacts: list[ArtifactName] = []
    output_artifacts: list[ArtifactName] = []
    namespace: str | None = None
    role_arn: str | None = None
    region: str | None = None
    timeout_in_minutes: int | None = None

    @property
    def provider(self) -> tuple[str, str]:
        return self.action_type_id.category, self.action_type_id.provider

    @property
    def minutes(self) -> int | None:
        """After which AWS gives it up; None where the provider knows (a build has a timeout of its own)."""
        known = {"Approval": APPROVAL_MINUTES, "Invoke": INVOKE_MINUTES}
        return self.timeout_in_minutes or known.get(self.action_type_id.category)


class OnFailure(Declared):
    result: Literal["ROLLBACK"]


class Stage(Declared):
    name: str
    actions: list[Action] = Field(min_length=1)
    on_failure: OnFailure | None = None

    def action(self, name: str) -> Action | None:
        return next((action for action in self.actions if action.name == name), None)

    @property
    def orders(self) -> list[list[Action]]:
        """Actions that run at the same time, in the order of their groups."""
        numbers = sorted({action.run_order for action in self.actions})
        return [[action for action in self.actions if action.run_order == number] for number in numbers]


class EncryptionKey(Declared):
    id: str
    type: str


class ArtifactStore(Declared):
    type: Literal["S3"]
    location: str
    encryption_key: EncryptionKey | None = None


class Variable(Declared):
    name: str
    default_value: str | None = None
    description: str | None = None


class Structure(Declared):
    """`triggers` are kept and never fire: no repository tells the twin of a push."""

    name: str
    role_arn: str
    artifact_store: ArtifactStore
    stages: list[Stage] = Field(min_length=2)
    execution_mode: Literal["QUEUED"]
    pipeline_type: Literal["V2"]
    variables: list[Variable] = []
    triggers: list[dict[str, Any]] = []
    version: int = 1

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def after(self, name: str) -> str | None:
        """The name of the next stage."""
        names = [stage.name for stage in self.stages]
        return next(iter(names[names.index(name) + 1 :]), None)

    def document(self) -> Mapping[str, Any]:
        """As GetPipeline answers it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
