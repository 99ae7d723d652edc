"""Stands in for `docker` in a build that may use it: takes the context, and pushes it with the build's own rights.

A fake: nothing is built. What ECR holds under the tag afterwards is the build's context as one layer; every call that
a push makes is made, so a missing grant fails here. It does not prove that the Dockerfile builds (`make images-check`
does), nor that the image runs: tasks run this checkout's programs.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PART = 10_000_000


class DockerError(Exception):
    """The command fails with this line."""


def info(words: Sequence[str]) -> str:
    """Of what `--format` asks for."""
    return platform.machine() if any("Architecture" in word for word in words) else "0"


def login(_: Sequence[str]) -> str:
    if not sys.stdin.read().strip():
        raise DockerError("no password was given")
    return "Login Succeeded"


def build(words: Sequence[str]) -> str:
    """Keeps the context, which must have the Dockerfile."""
    options = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--") and "=" in word)
    context = sys.stdin.buffer.read()
    with tarfile.open(fileobj=io.BytesIO(context)) as tar:
        if options["file"] not in tar.getnames():
            raise DockerError(f"failed to read dockerfile: open {options['file']}: no such file or directory")
    kept = _kept(options["tag"])
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(context)
    return f"#1 {options['tag']} is its context: the twin builds nothing"


def image(words: Sequence[str]) -> str:
    return json.dumps([{"Size": len(_context(words[-1]))}])


def push(words: Sequence[str]) -> str:
    """The layer, a configuration and the manifest, each by ECR's own calls."""
    name, _, tag = words[-1].rpartition(":")
    repository = name.partition("/")[2]
    ecr = boto3.client("ecr")
    context = _context(words[-1])
    layers = {"config": (CONFIG, json.dumps({"os": "linux", "tag": tag}).encode()), "layer": (LAYER, context)}
    described = {each: _upload(ecr, repository, *content) for each, content in layers.items()}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described["config"],
        "layers": [described["layer"]],
    }
    ecr.put_image(
        repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest), imageManifestMediaType=MANIFEST
    )
    return f"{tag}: pushed"


def _upload(ecr: Any, repository: str, kind: str, content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(content), PART):
        part = content[first : first + PART]
        last = first + len(part) - 1
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=upload, partFirstByte=first, partLastByte=last, layerPartBlob=part
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def _context(name: str) -> bytes:
    try:
        return _kept(name).read_bytes()
    except FileNotFoundError:
        raise DockerError(f"No such image: {name}") from None


def _kept(name: str) -> Path:
    return Path(os.environ["HOME"]) / "images" / hashlib.sha256(name.encode()).hexdigest()


COMMANDS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "info": info,
    "login": login,
    "build": build,
    "image": image,
    "push": push,
}


def main(arguments: Sequence[str]) -> int:
    try:
        if not arguments or arguments[0] not in COMMANDS:
            raise DockerError(f"the twin's docker knows {', '.join(COMMANDS)} and not {' '.join(arguments)}")
        sys.stdout.write(COMMANDS[arguments[0]](arguments[1:]) + "\n")
    except (DockerError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
