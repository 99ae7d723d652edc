"""A job says which image it runs in by the image's content, and runs on where nobody can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ops.aws import AwsError
from ops.image_digest import main, with_digest
from tests.support.aws import simulated_aws

MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}


@pytest.fixture
def ecr() -> Iterator[Any]:
    with simulated_aws():
        client = boto3.client("ecr")
        client.create_repository(repositoryName="training")
        yield client


@pytest.fixture
def repository(ecr: Any) -> str:
    return str(ecr.describe_repositories()["repositories"][0]["repositoryUri"])


def test_a_tag_is_given_the_digest_that_the_repository_has_for_it(ecr: Any, repository: str) -> None:
    told = ecr.put_image(repositoryName="training", imageManifest=json.dumps(MANIFEST), imageTag="1a2b")["image"]
    assert with_digest(f"{repository}:1a2b") == f"{repository}:1a2b@{told['imageId']['imageDigest']}"


def test_a_tag_that_is_missing_and_a_reference_of_elsewhere_are_named(repository: str) -> None:
    with pytest.raises(AwsError, match="training has no image none"):
        with_digest(f"{repository}:none")
    with pytest.raises(AwsError, match=r"python:3\.11 is no image of ECR"):
        with_digest("python:3.11")


def test_a_run_goes_on_under_the_tag_alone_and_its_log_says_why(
    repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(f"{repository}:none")
    told = capsys.readouterr()
    assert told.out == f"{repository}:none\n"
    assert "has no image none" in told.err
