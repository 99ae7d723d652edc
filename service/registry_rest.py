"""MLflow's registry behind a tracking server, through its REST API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from service.artifacts import Stores, fetch_bundle
from service.http_client import Http, HttpError
from service.registry import AliasUnset, ModelUnknown, RegistryUnreachable, Release, release_of

_ALIAS = "/api/2.0/mlflow/registered-models/alias"


class RestRegistry:
    """The registry behind an `http(s)://` tracking URI."""

    def __init__(self, http: Http, *, model: str, alias: str, stores: Stores) -> None:
        self._http = http
        self._model = model
        self._alias = alias
        self._stores = stores

    def champion(self) -> Release:
        query = urlencode({"name": self._model, "alias": self._alias})
        try:
            answer = json.loads(self._http.read(f"{_ALIAS}?{query}"))
            version = answer["model_version"]
            tags = {tag["key"]: tag.get("value", "") for tag in version.get("tags", [])}
            number = str(version["version"])
        except HttpError as error:
            raise self._absent(error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RegistryUnreachable("the tracking server's answer is not MLflow's") from error
        return release_of(self._model, number, tags)

    def fetch(self, release: Release, into: Path) -> None:
        fetch_bundle(self._stores.open(release.location), release.digest, into)

    def _absent(self, error: HttpError) -> AliasUnset | ModelUnknown | RegistryUnreachable:
        """MLflow says 404 for an unknown model and 400 for an unset alias, each in a document of its own."""
        said = _document(error.body)
        if error.status == 404 and said.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return ModelUnknown(f"the registry has no model {self._model!r}")
        if error.status == 400 and "alias" in str(said.get("message", "")).lower():
            return AliasUnset(f"{self._model!r} has no version with the alias {self._alias!r}")
        return RegistryUnreachable(str(error))


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
