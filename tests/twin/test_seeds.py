"""What an account finds there already is read from the templates, not from a list that could fall behind."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest

from twin import inventory, seeds
from twin.cloud import Cloud
from twin.folder import TwinError

LAYER = "arn:aws:lambda:us-east-1:000000000000:layer:powertools:1"


class Account:
    """Notes what is published and what is set."""

    def __init__(self) -> None:
        self.control = self
        self.layers: list[dict[str, Any]] = []
        self.parameters: dict[str, str] = {}

    def client(self, service: str) -> Account:
        assert service == "lambda"
        return self

    def publish_layer_version(self, **given: Any) -> dict[str, str]:
        self.layers.append(given)
        return {"LayerVersionArn": LAYER}

    def post(self, path: str, values: dict[str, str]) -> None:
        assert path == "/parameters"
        self.parameters |= values


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What had been sown each time that the account was written down."""
    noted: list[dict[str, str]] = []
    monkeypatch.setattr(inventory, "remember", lambda account, _: noted.append(dict(account.parameters)))
    return noted


def asking(folder: Path, *defaults: str, kind: str = "AWS::SSM::Parameter::Value<String>") -> Path:
    template = {"Parameters": {f"P{number}": {"Type": kind, "Default": name} for number, name in enumerate(defaults)}}
    (folder / "assembly-Dev").mkdir(parents=True)
    (folder / "assembly-Dev/Dev.template.json").write_text(json.dumps(template))
    return folder


def sow(assembly: Path) -> Account:
    account = Account()
    seeds.sow(cast("Cloud", account), assembly)
    return account


def test_the_layer_has_what_the_functions_import(tmp_path: Path) -> None:
    name = "/aws/service/powertools/python/x86_64/python3.14/latest"
    account = sow(asking(tmp_path, name))
    assert account.parameters == {name: LAYER}
    published = account.layers[0]
    assert published["LayerName"] == "AWSLambdaPowertoolsPythonV3-python314-x86_64"
    assert "aws-lambda-powertools 3." in published["Description"]
    inside = zipfile.ZipFile(io.BytesIO(published["Content"]["ZipFile"])).namelist()
    assert {
        "python/aws_lambda_powertools/__init__.py",
        "python/pydantic/__init__.py",
        "python/typing_extensions.py",
    } <= set(inside)
    assert any(name.startswith("python/pydantic_core/_pydantic_core") for name in inside)
    assert not [name for name in inside if "boto" in name or "__pycache__" in name or ".." in name]


def test_an_image_gets_an_id_of_its_form_before_the_account_is_noted(
    tmp_path: Path, noted: list[dict[str, str]]
) -> None:
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64"
    account = sow(asking(tmp_path, name))
    assert account.parameters[name].startswith("ami-")
    assert len(account.parameters[name]) == 21
    assert noted == [account.parameters]


def test_a_parameter_of_the_account_itself_is_not_ours_to_give(tmp_path: Path) -> None:
    assert seeds.asked_for(asking(tmp_path, "/cdk-bootstrap/hnb659fds/version")) == []


def test_an_unknown_public_parameter_is_named(tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="/aws/service/ecs/optimized-ami"):
        sow(asking(tmp_path, "/aws/service/ecs/optimized-ami"))


def test_a_missing_distribution_is_named() -> None:
    with pytest.raises(TwinError, match="no-such-distribution is not installed"):
        seeds.closure("no-such-distribution")
