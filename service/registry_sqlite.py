"""MLflow's registry in a sqlite file, read without MLflow and without a lock on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from service.artifacts import Stores, fetch_bundle
from service.registry import AliasUnset, ModelUnknown, RegistryUnreachable, Release, release_of

_VERSION = "SELECT version FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND alias = ?"
_MODEL = "SELECT 1 FROM registered_models WHERE workspace = 'default' AND name = ?"
_TAGS = "SELECT key, value FROM model_version_tags WHERE workspace = 'default' AND name = ? AND version = ?"


class SqliteRegistry:
    """The registry behind a `sqlite:///path` tracking URI."""

    def __init__(self, path: Path, *, model: str, alias: str, stores: Stores, timeout: float) -> None:
        self._path = path.absolute()
        self._model = model
        self._alias = alias
        self._stores = stores
        self._timeout = timeout

    def champion(self) -> Release:
        with self._connection() as connection:
            found = connection.execute(_VERSION, (self._model, self._alias)).fetchone()
            if found is None:
                raise self._absent(connection)
            tags = dict(connection.execute(_TAGS, (self._model, found[0])).fetchall())
        return release_of(self._model, str(found[0]), tags)

    def fetch(self, release: Release, into: Path) -> None:
        fetch_bundle(self._stores.open(release.location), release.digest, into)

    def _absent(self, connection: sqlite3.Connection) -> AliasUnset | ModelUnknown:
        if connection.execute(_MODEL, (self._model,)).fetchone() is None:
            return ModelUnknown(f"{self._path} has no model {self._model!r}")
        return AliasUnset(f"{self._model!r} has no version with the alias {self._alias!r}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        uri = f"file:{quote(str(self._path))}?mode=ro"
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=self._timeout)
            try:
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise RegistryUnreachable(f"{self._path}: {error}") from error
