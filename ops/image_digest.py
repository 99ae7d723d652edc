"""The image that a job runs in, by its content: its reference with the digest that the repository has for its tag."""

from __future__ import annotations

import argparse
import re
import sys

from ops.aws import AwsError, call

REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+):(?P<tag>[\w.-]+)"
)


def with_digest(reference: str) -> str:
    """`REGISTRY/NAME:TAG@sha256:...`. Raises AwsError for what is no image of ECR, and where ECR does not tell.

    By the call that whoever may pull may make.
    """
    parts = REFERENCE.fullmatch(reference)
    if parts is None:
        raise AwsError(f"{reference} is no image of ECR: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG")
    found = call(
        "ecr",
        "batch-get-image",
        region=parts["region"],
        registryId=parts["account"],
        repositoryName=parts["name"],
        imageIds=[{"imageTag": parts["tag"]}],
    )
    if not found.get("images"):
        raise AwsError(f"{parts['name']} has no image {parts['tag']}")
    return f"{reference}@{found['images'][0]['imageId']['imageDigest']}"


def main(reference: str) -> None:
    """Print it; without its digest, and with the reason in the log, where it cannot be had: no run fails for that."""
    try:
        sys.stdout.write(with_digest(reference) + "\n")
    except AwsError as error:
        sys.stderr.write(f"the digest of the image is not known: {error}\n")
        sys.stdout.write(reference + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.image_digest", description=__doc__)
    parser.add_argument("reference", help="ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG")
    return parser


if __name__ == "__main__":
    main(_parser().parse_args().reference)
