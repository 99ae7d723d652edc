"""What `make images-push` brings to ECR, without a container engine: `python -m twin.images FOLDER`.

A fake: under the tag that an image's inputs give lies a manifest whose layers nobody can fetch. What follows a push is
the real thing: `python -m ops.images push` finds the tags, builds nothing and rolls them out.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from ops.aws import AwsError, call
from ops.image_inputs import IMAGES, X86, Image, tag
from ops.image_push import environment_named, platform_of, repository_of
from twin.folder import Twin, TwinError

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
TAKEN = ("ImageTagAlreadyExistsException", "ImageAlreadyExistsException")


def put(image: Image, repository: str, platform: str) -> str:
    """The tag that the repository (by its name) has afterwards. Raises AwsError."""
    wanted = tag(image, platform)
    try:
        call(
            "ecr",
            "put-image",
            repositoryName=repository,
            imageTag=wanted,
            imageManifest=manifest(image, wanted),
            imageManifestMediaType=MANIFEST,
        )
    except AwsError as error:
        # Tags are immutable, and this one names these very bytes.
        if not any(code in str(error) for code in TAKEN):
            raise
    return wanted


def manifest(image: Image, wanted: str) -> str:
    """One for each tag: two tags of one manifest would be one image."""

    def blob(kind: str, what: str) -> dict[str, object]:
        content = f"{image.name} {wanted} {what}".encode()
        return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": blob(CONFIG, "config"),
            "layers": [blob(LAYER, "layer")],
        }
    )


def put_all(environment: str = "dev") -> dict[str, str]:
    """Each image's tag in that environment, by its name. Raises AwsError."""
    found = environment_named(environment)
    tags = {}
    for name, image in IMAGES.items():
        repository = repository_of(f"{found.name.capitalize()}-Registry", name, found.region).partition("/")[2]
        put_for = {platform: put(image, repository, platform) for platform in {image.platform, X86}}
        tags[name] = put_for[platform_of(name, found)]
    return tags


def main(arguments: list[str]) -> int:
    """Prints NAME=TAG for each image. Exit codes: 0 done, 2 something is wrong and said."""
    try:
        twin = Twin.load(Path(arguments[0]).resolve())
        # A profile or a service's own endpoint would lead to somebody else's account.
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(twin.administrator())
        tags = put_all(*arguments[1:])
    except (TwinError, AwsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write("".join(f"{name}={each}\n" for name, each in tags.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
