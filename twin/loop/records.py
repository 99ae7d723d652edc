"""What is on record of a run: the page behind its link, the decision in the bucket, the registry's history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from twin.balancer.sessions import NAME, PORT
from twin.loop.commands import command
from twin.loop.runs import Run
from twin.loop.tables import PROBLEM
from twin.loop.world import World, expect

CONSOLE = "console.aws.amazon.com"
NOWHERE = "00000000-0000-4000-8000-000000000000"
"""The form of an execution's id, and no execution."""


def report(run: Run) -> bytes:
    """The page that opens by the link of the question, as a person's browser gets it."""
    link, world = run.exported("Prove")["REPORT"], run.world
    expect(run.id in link, f"the link must open the report of this very run: {link}")
    body = _behind_login(world, link) if CONSOLE in link else _opened(world, link)
    expect(b"<html" in body[:500].lower(), f"{link} is no page: {body[:200]!r}")
    return body


def _opened(world: World, link: str) -> bytes:
    page, missing = world.browse(link), world.browse(link.replace(link.rpartition("/")[2], NOWHERE))
    kind, policy = page.headers.get("content-type", ""), page.headers.get("content-security-policy", "")
    expect(page.status_code == httpx.codes.OK, f"{link} should open: {page.status_code} {page.text[:200]}")
    expect(kind.startswith("text/html") and "default-src 'none'" in policy, f"as a page that runs nothing: {kind}")
    expect(missing.status_code == httpx.codes.NOT_FOUND, f"another id should lead nowhere: {missing.status_code}")
    return page.content


def _behind_login(world: World, link: str) -> bytes:
    """What the console would show to whoever is logged in."""
    parts = urlsplit(link)
    bucket, key = parts.path.rpartition("/")[2], parse_qs(parts.query)["prefix"][0]
    body: bytes = world.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def decision(run: Run) -> Mapping[str, Any]:
    """The record that lies beside the page."""
    key = f"reports/{PROBLEM}/{run.id}/decision.json"
    found = run.world.cloud.client("s3").get_object(Bucket=run.world.named("Storage", "Artifacts"), Key=key)
    read: dict[str, Any] = json.loads(found["Body"].read())
    return read


def history(world: World) -> Sequence[Mapping[str, Any]]:
    """What became of the problem's releases, oldest first: from the registry alone."""
    told = command(
        *(world.cloud.twin, "ml.cli", "history", PROBLEM, "--json"),
        environment={"MLFLOW_TRACKING_URI": f"http://{NAME}:{PORT}"},
    )
    events: list[dict[str, Any]] = json.loads(told)[PROBLEM]
    return events


def alter(run: Run) -> str:
    """Overwrite the record of a run's version where its model lies, as somebody with the right to write could."""
    s3, bucket = run.world.cloud.client("s3"), run.world.named("Storage", "Artifacts")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"mlflow/{PROBLEM}/")
    found = [each for page in pages for each in page.get("Contents", []) if each["Key"].endswith("/decision.json")]
    newest = str(max(found, key=lambda each: each["LastModified"])["Key"])
    record = s3.get_object(Bucket=bucket, Key=newest)["Body"].read()
    s3.put_object(Bucket=bucket, Key=newest, Body=record + b" ")
    return newest
