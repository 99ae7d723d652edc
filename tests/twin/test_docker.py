"""What stands in for docker pushes what was given to be built, by the calls that a push makes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.image_inputs import IMAGES, context
from twin import docker

NAME = "000000000000.dkr.ecr.us-east-1.amazonaws.com/dev-service:tag"


class Ecr:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.manifest: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> dict[str, str]:
            self.calls.append(name)
            if name == "put_image":
                assert (asked["repositoryName"], asked["imageTag"]) == ("dev-service", "tag")
                self.manifest = json.loads(asked["imageManifest"])
            return {"uploadId": "1"}

        return call


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def _given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content), read=content.decode))


def test_what_was_built_is_pushed_with_every_call_of_a_push(monkeypatch: pytest.MonkeyPatch) -> None:
    ecr = Ecr()
    monkeypatch.setattr("boto3.client", lambda _: ecr)
    built = context(IMAGES["service"])
    _given(monkeypatch, built)
    words = ["--progress=plain", "--platform=linux/arm64", f"--tag={NAME}", "--file=docker/service.Dockerfile", "-"]
    assert docker.main(["build", *words]) == 0
    assert docker.main(["push", NAME]) == 0
    assert ecr.manifest["layers"][0]["size"] == len(built)
    assert {"initiate_layer_upload", "upload_layer_part", "complete_layer_upload", "put_image"} <= set(ecr.calls)


def test_a_context_without_its_dockerfile_does_not_build(monkeypatch: pytest.MonkeyPatch) -> None:
    _given(monkeypatch, context(IMAGES["service"]))
    assert docker.main(["build", f"--tag={NAME}", "--file=docker/absent.Dockerfile", "-"]) == 1
    assert docker.main(["push", NAME]) == 1


def test_a_command_that_it_does_not_know_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert docker.main(["run", "x"]) == 1
    assert "run x" in capsys.readouterr().err
