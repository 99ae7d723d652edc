"""The balancer's line to the emulator: a kept connection to its control API, and CloudWatch."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

from twin.cloud import Cloud, ControlError
from twin.folder import LOOPBACK, Twin

SECONDS = 5.0


class Line:
    """Asked several times a second, so a handshake for each would cost more than the answers. For one thread."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._context = ssl.create_default_context(cafile=twin.ca)
        self._connection: http.client.HTTPSConnection | None = None

    def table(self) -> Any:
        """Raises ControlError."""
        return self._ask("GET", "/_twin/balancers", None)

    def report(self, document: Mapping[str, Any]) -> None:
        """Raises ControlError."""
        self._ask("POST", "/_twin/balancers/health", document)

    def _ask(self, method: str, path: str, document: Mapping[str, Any] | None) -> Any:
        body = None if document is None else json.dumps(document)
        headers = {"X-Twin-Token": self._twin.token, "Content-Type": "application/json"}
        try:
            connection = self._connected()
            connection.request(method, path, body, headers)
            with connection.getresponse() as answer:
                content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ControlError(f"{method} {path}: no answer at {self._twin.endpoint}: {error}") from error
        if answer.status != http.HTTPStatus.OK:
            raise ControlError(f"{method} {path}: {answer.status} {content.decode(errors='replace')}", answer.status)
        return json.loads(content or b"null")

    def _connected(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                LOOPBACK, self._twin.gateway, timeout=SECONDS, context=self._context
            )
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Metrics:
    """AWS itself puts these metrics, so the administrator's credentials stand for it."""

    def __init__(self, twin: Twin) -> None:
        self._cloud = Cloud(twin)

    def put(self, batch: Mapping[str, Any]) -> None:
        """Raises what botocore raises."""
        self._cloud.client("cloudwatch").put_metric_data(**batch)
