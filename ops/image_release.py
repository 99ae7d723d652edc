"""Brings an image into its ECR repository, unless the repository has these very bytes already."""

from __future__ import annotations

import base64
import sys
from typing import Protocol

from ops.aws import AwsError, call
from ops.engine import Engine, EngineError
from ops.image_inputs import Image, tag


class Build(Protocol):
    """Builds `name:TAG` and gives that full name."""

    def __call__(self, engine: Engine, image: Image, *, name: str, platform: str, pull: bool) -> str: ...


def release(image: Image, repository: str, *, platform: str, build: Build) -> str:
    """The tag under which `repository`, such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, has the image afterwards.

    Raises AwsError for a repository that is not one of ECR or that refuses, EngineError for a failed build.
    """
    wanted = tag(image, platform)
    registry, region, name = _parts(repository)
    if _has(region, name, wanted):
        sys.stderr.write(f"{image.name}: {name} has {wanted} already\n")
        return wanted
    engine = Engine.here()
    _log_in(engine, registry, region)
    built = build(engine, image, name=repository, platform=platform, pull=True)
    sys.stderr.write(f"{image.name}: pushing\n")
    try:
        engine.say("push", built)
    except EngineError:
        # Tags are immutable: another build of the same bytes may have been faster.
        if not _has(region, name, wanted):
            raise
    return wanted


def _parts(repository: str) -> tuple[str, str, str]:
    """Registry, region and name."""
    registry, _, name = repository.partition("/")
    words = registry.split(".")
    if not name or len(words) < 6 or words[1:3] != ["dkr", "ecr"]:
        raise AwsError(f"{repository} is no ECR repository: write ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME")
    return registry, words[3], name


def _has(region: str, name: str, wanted: str) -> bool:
    """By the call that whoever may push and pull may make: a missing image is part of its answer."""
    asked = [{"imageTag": wanted}]
    return bool(call("ecr", "batch-get-image", region=region, repositoryName=name, imageIds=asked).get("images"))


def _log_in(engine: Engine, registry: str, region: str) -> None:
    token = call("ecr", "get-authorization-token", region=region)["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    engine.say("login", f"--username={user}", "--password-stdin", registry, content=password.encode())
