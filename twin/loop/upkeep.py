"""Change a setting of a running system, and take all of it down."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from twin.folder import ROOT
from twin.loop.load import steady
from twin.loop.play import Play
from twin.loop.world import World, expect

SETTINGS = "cdk_app/environments.py"
BEFORE, AFTER = "cooldown_minutes=5", "cooldown_minutes=7"
STACKS = ("Foundation", "Network", "Storage", "Registry", "Tracking", "Training", "Serving", "Delivery", "Triggers")


def redeploy_with_another_setting(play: Play) -> None:
    """Redeploy over the running system with one setting changed: nothing else moves, data and models survive"""
    world = play.world
    before, served, objects = _resources(world), world.served(), _objects(world)
    with tempfile.TemporaryDirectory(dir=world.cloud.twin.folder) as place, steady(world) as load:
        source = _changed_checkout(Path(place))
        with play.watch.time("redeploy with a changed setting"):
            play.toolkit.deploy(play.toolkit.synth(source=source))
    after = _resources(world)
    expect(after == before, f"no resource may be replaced: {_difference(before, after)}")
    configured = world.cloud.client("lambda").get_function_configuration(FunctionName=world.retrain)
    seconds = configured["Environment"]["Variables"]["EVERGREEN_COOLDOWN_SECONDS"]
    expect(seconds == "420", f"the setting should have arrived: {seconds}")
    expect(_objects(world) == objects, "no object may be lost")
    expect(world.served() == served, f"the model must stay: {served} before, {world.served()} after")
    expect(not load.failed, f"no request may fail: {load.told()}; {load.failed[:3]}")
    play.say(f"the function has its new setting, {len(after)} resources are what they were; {load.told()}")


def destroy_everything(play: Play) -> None:
    """Tear down, and look into every service for what is left"""
    from twin.inventory import unexpected

    play.world.alerts.close()
    play.world.approvals.close()
    with play.watch.time("destroy"):
        play.toolkit.destroy()
    left = unexpected(play.world.cloud)
    expect(not left, "left behind: " + ", ".join(map(str, left)))
    play.say("nothing is left but what docs/twin.md names")


def _changed_checkout(place: Path) -> Path:
    """A clone whose dev environment has the other setting."""
    subprocess.run(["git", "clone", "--quiet", ROOT, place / "changed"], check=True, capture_output=True)
    path = place / "changed" / SETTINGS
    text = path.read_text(encoding="utf-8")
    expect(text.count(BEFORE) == 1, f"{SETTINGS} says {BEFORE} {text.count(BEFORE)} times")
    path.write_text(text.replace(BEFORE, AFTER), encoding="utf-8")
    return place / "changed"


def _resources(world: World) -> dict[str, str]:
    """The physical id of every resource of every stack."""
    client = world.cloud.client("cloudformation")
    found: dict[str, str] = {}
    for stack in STACKS:
        for page in client.get_paginator("list_stack_resources").paginate(StackName=world.stack(stack)):
            for each in page["StackResourceSummaries"]:
                found[f"{stack}/{each['LogicalResourceId']}"] = str(each["PhysicalResourceId"])
    return found


def _objects(world: World) -> set[tuple[str, str]]:
    """All data and models, by their version."""
    s3 = world.cloud.client("s3")
    buckets = [world.named("Storage", name) for name in ("Raw", "Dvc", "Artifacts")]
    pages = (page for bucket in buckets for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket))
    return {(each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", [])}


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(f"{name}: {before.get(name)} -> {after.get(name)}" for name in names)
