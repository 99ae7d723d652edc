"""What a provider is given, and what it may find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twin.cloud import Cloud
from twin.codepipeline.state import Execution, Run
from twin.codepipeline.structure import Action, Structure


@dataclass(frozen=True)
class Look:
    """One look at one run. `cloud` acts as the role of the action; its `control` is for what is only simulated."""

    structure: Structure
    execution: Execution
    action: Action
    run: Run
    role: str
    cloud: Cloud
    region: str
    account: str
    time: float

    @property
    def bucket(self) -> str:
        return self.structure.artifact_store.location

    @property
    def encryption(self) -> dict[str, str]:
        """What CodePipeline asks S3 for, in the names of PutObject: the store's key.

        Without one AWS takes the key that it manages for S3, which MiniStack lacks: then the bucket's default holds.
        """
        key = self.structure.artifact_store.encryption_key
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key.id} if key else {}

    def console(self, path: str) -> str:
        return f"https://{self.region}.console.aws.amazon.com/{path}"


@dataclass(frozen=True)
class Waits:
    """It goes on; `notes` are fields of the run to be kept before the next look."""

    notes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """`revision` is what a source found; `external` are the id and the page of what did the work."""

    summary: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    revision: Mapping[str, str] | None = None
    external: tuple[str, str] | None = None


@dataclass(frozen=True)
class Fails:
    """With one of AWS's codes: JobFailed, ConfigurationError, PermissionError."""

    code: str
    message: str


Found = Waits | Done | Fails
Provider = Callable[[Look], Found]
"""Looks once and returns soon. What it does must bear to be done again: a kill may come before its note is kept."""
