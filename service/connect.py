"""Which registry the settings mean."""

from __future__ import annotations

from pathlib import Path

from service.artifacts import Stores, s3_client
from service.http_client import Http
from service.registry import Registry
from service.registry_rest import RestRegistry
from service.registry_sqlite import SqliteRegistry
from service.settings import Settings


def connect(settings: Settings) -> Registry | None:
    """The registry of the settings, or None where a bundle folder is served. Opens no connection."""
    if settings.model is None:
        return None
    uri, timeout = settings.tracking_uri, settings.timeout_seconds
    s3 = s3_client(settings.s3_endpoint_url, timeout)
    if uri.startswith("sqlite:///"):
        path = Path(uri.removeprefix("sqlite:///"))
        stores = Stores(http=None, s3_client=s3)
        return SqliteRegistry(path, model=settings.model, alias=settings.alias, stores=stores, timeout=timeout)
    http = Http(
        uri,
        timeout=timeout,
        username=settings.tracking_username,
        password=settings.tracking_password.get_secret_value(),
        token=settings.tracking_token.get_secret_value(),
    )
    return RestRegistry(http, model=settings.model, alias=settings.alias, stores=Stores(http=http, s3_client=s3))
