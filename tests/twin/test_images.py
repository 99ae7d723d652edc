"""What stands in for a push."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from ops.image_inputs import IMAGES, tag
from ops.image_release import release
from tests.support.aws import simulated_aws
from twin import images
from twin.folder import Twin

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


def test_no_variable_of_the_caller_leads_to_another_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"AWS_ENDPOINT_URL_ECR": "https://elsewhere", "AWS_PROFILE": "work"})
    twin = Twin(folder=tmp_path, gateway=1, pipeline=2, block="127.81.7", token="t")
    twin.save()
    monkeypatch.setattr(images, "put_all", lambda *_: {})
    assert images.main([str(tmp_path)]) == 0
    assert os.environ == twin.administrator()
