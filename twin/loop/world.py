"""The deployed environment as the loop sees it: its bucket, its pipeline, its service, and who is told."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from ml.problem import read_problem
from twin import addresses
from twin.cloud import Cloud
from twin.folder import ROOT, TwinError
from twin.loop.inbox import Inbox
from twin.loop.tables import PROBLEM
from twin.poll import until

SERVED = httpx.codes.OK


class LoopError(TwinError):
    """The loop did not do what it must; the message says what was expected and what was seen."""


def expect(holds: object, what: str) -> None:
    """Raises LoopError unless it holds."""
    if not holds:
        raise LoopError(what)


@dataclass(frozen=True)
class World:
    """One environment of a twin. Names are looked up where they are needed, so a redeployment is seen."""

    cloud: Cloud
    environment: str = "dev"
    target: str | None = None
    """Where it serves, if not where the environment says."""

    def stack(self, name: str) -> str:
        return f"{self.environment.capitalize()}-{name}"

    def named(self, stack: str, path: str) -> str:
        """The physical id of the construct at that path of a stack."""
        return self.cloud.resource(self.stack(stack), path)

    @cached_property
    def raw(self) -> str:
        """The bucket in which data arrive."""
        return self.cloud.outputs(self.stack("Storage"))["RawBucket"]

    @cached_property
    def pipeline(self) -> str:
        return self.named("Delivery", "Pipeline")

    @cached_property
    def retrain(self) -> str:
        """The function that starts runs."""
        return self.named("Triggers", "Retrain")

    @cached_property
    def memory(self) -> str:
        """The table in which that function remembers."""
        return self.named("Triggers", "Memory")

    @cached_property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.cloud.twin.ca)

    def client(self, *, timeout: float) -> httpx.Client:
        """One that trusts the twin, and that no proxy of the person leads elsewhere."""
        return httpx.Client(timeout=timeout, verify=self.trust, trust_env=False)

    @property
    def url(self) -> str:
        """Where the service answers on this machine."""
        url = self.cloud.outputs(self.stack("Serving"))[f"{PROBLEM.capitalize()}Url"]
        names = addresses.known(self.cloud.twin)
        if (found := addresses.here(url, names)) is None:
            raise LoopError(f"the twin has no place for {url}; it knows {', '.join(names) or 'no name'}")
        return found.rstrip("/")

    def browse(self, link: str) -> httpx.Response:
        """What a person's browser gets: by its public name, over TLS, without credentials. Raises LoopError."""
        host = str(httpx.URL(link).host)
        place = addresses.here(link, addresses.known(self.cloud.twin))
        if place is None:
            raise LoopError(f"nobody on this machine answers to {host}")
        with self.client(timeout=30.0) as client:
            return client.get(place, headers={"Host": host}, extensions={"sni_hostname": host})

    @cached_property
    def alerts(self) -> Inbox:
        return Inbox.of(self.cloud, self.named("Foundation", "Alerts"), "alerts")

    @cached_property
    def approvals(self) -> Inbox:
        return Inbox.of(self.cloud, self.named("Delivery", "Approvers"), "approvals")

    @cached_property
    def row(self) -> dict[str, Any]:
        """The example of every feature: a row that any model of the problem can answer."""
        problem = read_problem(ROOT / f"ml/problems/{PROBLEM}.yaml")
        return {feature.name: feature.example for feature in problem.features}

    def put(self, name: str, data: bytes) -> str:
        """The version of the object that was made."""
        answer = self.cloud.client("s3").put_object(Bucket=self.raw, Key=f"{PROBLEM}/{name}", Body=data)
        return str(answer["VersionId"])

    def ready(self) -> tuple[int, dict[str, Any]]:
        """What the service says of itself; 0 where nobody answers."""
        try:
            with self.client(timeout=5.0) as client:
                answer = client.get(f"{self.url}/readyz")
        except httpx.HTTPError:
            return 0, {}
        kind = answer.headers.get("content-type", "")
        return answer.status_code, answer.json() if kind.startswith("application/json") else {"text": answer.text}

    def served(self) -> Mapping[str, Any] | None:
        """Name, version and digest of the model that answers; None before there is one."""
        status, said = self.ready()
        return said["model"] if status == SERVED else None

    def await_served(self, version: str, *, seconds: float = 90.0) -> Mapping[str, Any]:
        def look() -> Mapping[str, Any] | None:
            found = self.served()
            return found if found is not None and str(found["version"]) == version else None

        return until(
            f"the service answers with version {version}", look, seconds=seconds, seen=lambda: f"it says {self.ready()}"
        )

    def let_a_day_pass(self) -> None:
        """Cooldown and daily cap are over, without the wait."""
        from twin.clock import age

        age(self.cloud.client("dynamodb"), self.memory, PROBLEM, hours=24)

    def event(self, key: str, version: str, sequencer: str, *, size: int = 1000) -> dict[str, Any]:
        """What S3 says of a new object."""
        return {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "resources": [f"arn:aws:s3:::{self.raw}"],
            "detail": {
                "version": "0",
                "bucket": {"name": self.raw},
                "object": {"key": key, "size": size, "etag": "0", "version-id": version, "sequencer": sequencer},
                "reason": "PutObject",
            },
        }

    def sequencer(self, key: str) -> str:
        """The highest that the function has seen for the key."""
        identity = {"id": {"S": f"key/{self.raw}/{key}"}}
        found = self.cloud.client("dynamodb").get_item(TableName=self.memory, Key=identity)
        return str(found["Item"]["sequencer"]["S"])

    def log_lines(self, function: str, containing: str) -> list[dict[str, Any]]:
        """The JSON lines of a function's log in which the text is."""
        configured = self.cloud.client("lambda").get_function_configuration(FunctionName=function)
        group = configured["LoggingConfig"]["LogGroup"]
        pages = self.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [str(event["message"]) for page in pages for event in page["events"] if containing in event["message"]]
        return [json.loads(line) for line in lines if line.startswith("{")]
