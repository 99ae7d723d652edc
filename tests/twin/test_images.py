"""What stands in for a push."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from ops.image_inputs import IMAGES, tag
from ops.image_release import release
from tests.support.aws import simulated_aws
from twin import images

SERVICE = IMAGES["service"]


@pytest.fixture
def uri() -> Iterator[str]:
    with simulated_aws():
        made = boto3.client("ecr").create_repository(repositoryName="service", imageTagMutability="IMMUTABLE")
        yield str(made["repository"]["repositoryUri"])


def nobody(*_: object, **__: object) -> str:
    pytest.fail("nothing is to be built")


def test_a_release_finds_the_tag_and_builds_nothing(uri: str) -> None:
    assert images.put(SERVICE, "service", SERVICE.platform) == tag(SERVICE, SERVICE.platform)
    assert release(SERVICE, uri, platform=SERVICE.platform, build=nobody) == tag(SERVICE, SERVICE.platform)


def test_what_was_put_before_may_be_put_again(uri: str) -> None:
    assert images.put(SERVICE, "service", SERVICE.platform) == images.put(SERVICE, "service", SERVICE.platform)


def test_each_tag_is_an_image_of_its_own() -> None:
    first, second = (json.loads(images.manifest(SERVICE, wanted)) for wanted in ("1", "2"))
    assert first["config"]["digest"] != second["config"]["digest"]


def test_a_folder_without_a_twin_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert images.main([str(tmp_path)]) == 2
    assert "no twin lives in" in capsys.readouterr().err
