"""A build specification in the template itself: what a job runs changes with the stacks, not with a push."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_codebuild as codebuild


def buildspec(
    *,
    run: Sequence[str],
    prepare: Sequence[str] = (),
    always: Sequence[str] = (),
    exports: Sequence[str] = (),
    files: Sequence[str] = (),
    python: str | None = None,
) -> codebuild.BuildSpec:
    """`always` also runs when `run` has failed, not when `prepare` has. `files` are the job's artifact.

    `python` picks a version where the image is one of AWS's own.
    """
    phases = {"pre_build": prepare, "build": run, "post_build": always}
    document: dict[str, Any] = {
        "version": "0.2",
        "env": {"shell": "bash", **({"exported-variables": list(exports)} if exports else {})},
        "phases": {name: {"commands": list(commands)} for name, commands in phases.items() if commands},
    }
    if python:
        document["phases"] = {"install": {"runtime-versions": {"python": python}}, **document["phases"]}
    if files:
        document["artifacts"] = {"files": list(files)}
    return codebuild.BuildSpec.from_object(document)
