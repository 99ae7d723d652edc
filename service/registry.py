"""What the service needs of a model registry: which release the alias names, and its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

DIGEST_TAG = "evergreen.bundle_digest"
LOCATION_TAG = "evergreen.bundle_uri"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class RegistryError(Exception):
    """The registry gave no release; `reason` is one word for logs and metrics."""

    reason = "error"


class RegistryUnreachable(RegistryError):  # noqa: N818 - named by what happened
    """No answer, a refusal, or an answer that is not MLflow's: try again."""

    reason = "unreachable"


class ModelUnknown(RegistryError):  # noqa: N818
    """The registry answers and has no model of this name yet."""

    reason = "no_such_model"


class AliasUnset(RegistryError):  # noqa: N818
    """The model is there and its alias points at no version."""

    reason = "no_such_alias"


class NotABundle(RegistryError):  # noqa: N818
    """The alias points at a version that carries no bundle of ours."""

    reason = "not_a_bundle"


class FetchError(Exception):
    """A bundle's files could not be had from where the registry says they are."""


@dataclass(frozen=True)
class Release:
    """A registered version: `digest` is what its bundle must have, `location` the URI of the bundle's folder."""

    name: str
    version: str
    digest: str
    location: str


class Registry(Protocol):
    """Both calls block; callers put them in a thread."""

    def champion(self) -> Release:
        """The release that the alias names now. Raises RegistryError."""
        ...

    def fetch(self, release: Release, into: Path) -> None:
        """Put the release's bundle into an empty folder. Raises FetchError, or BundleError for a broken manifest."""
        ...


def release_of(name: str, version: str, tags: dict[str, str]) -> Release:
    """The release that a version's tags describe. Raises NotABundle."""
    digest, location = tags.get(DIGEST_TAG, ""), tags.get(LOCATION_TAG, "")
    if not location or not _DIGEST.fullmatch(digest):
        raise NotABundle(f"{name} version {version} has no valid tags {DIGEST_TAG} and {LOCATION_TAG}")
    return Release(name=name, version=version, digest=digest, location=location)
