"""Where a version came from, as its registry entry, its run and its bundle say."""

from __future__ import annotations

from datetime import datetime

from ml.core.record import Lineage
from ml.errors import UserError
from ml.io import tags
from ml.io.objects import SCHEME, Address
from ml.io.registry import Version
from ml.io.tracking import Tracking
from service.bundle import Bundle


def lineage(tracking: Tracking, version: Version, bundle: Bundle) -> Lineage:
    """Raises TrackingError when the run cannot be read. What was never recorded is empty, never guessed."""
    content = bundle.manifest.content
    source = version.tags.get(tags.SOURCE, bundle.manifest.provenance.get("source", ""))
    return Lineage(
        git_commit=version.tags.get(tags.GIT_COMMIT, ""),
        git_dirty=version.tags.get(tags.GIT_DIRTY) == "true",
        data_source=source,
        data_digest=content.data_digest,
        data_version=_object_version(source),
        params_digest=content.params_digest,
        params=_params(tracking, version),
        environment_digest=content.environment_digest,
        run_id=version.run_id,
        bundle_digest=bundle.digest,
        image=version.tags.get(tags.IMAGE, ""),
        triggered_by=version.tags.get(tags.TRIGGERED_BY, ""),
        reason=version.tags.get(tags.REASON, ""),
        trained_at=trained_at(version, bundle),
    )


def trained_at(version: Version, bundle: Bundle) -> datetime:
    """When the bundle was sealed; a registry may have learnt of it much later."""
    try:
        sealed = datetime.fromisoformat(bundle.manifest.provenance["created_at"])
    except (KeyError, ValueError):
        return version.created
    return sealed if sealed.tzinfo else version.created


def _params(tracking: Tracking, version: Version) -> dict[str, str]:
    if not version.run_id:
        return {}
    with tracking.session() as client:
        return dict(sorted(client.get_run(version.run_id).data.params.items()))


def _object_version(source: str) -> str:
    """The version of the object in S3 that the data were read from, where that is where they came from."""
    if not source.startswith(SCHEME):
        return ""
    try:
        return Address.parse(source).version or ""
    except UserError:
        return ""
