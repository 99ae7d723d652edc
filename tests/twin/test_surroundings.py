"""A person's own AWS account is out of reach of everything that a twin starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.person import PERSON
from twin import surroundings
from twin.folder import Twin

ASK = """
import boto3, json
session = boto3.Session()
clients = [session.client(name) for name in ("s3", "sts", "cloudformation", "lambda")]
key = session.get_credentials()
print(json.dumps([[client.meta.endpoint_url for client in clients], key and key.access_key]))
"""


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    return Twin(folder=tmp_path, gateway=20_001, pipeline=2, block="127.81.7", token="t")


@pytest.fixture
def person(tmp_path: Path) -> dict[str, str]:
    """Someone whose shell and home lead to a real account."""
    home = tmp_path / "person"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws/config").write_text("[profile production]\nregion = eu-central-1\n")
    (home / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    return PERSON | {"HOME": str(home)}


def ask(environment: dict[str, str]) -> tuple[list[str], str | None]:
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, check=True, text=True)
    endpoints, key = json.loads(done.stdout)
    return endpoints, key


def test_every_call_of_the_administrator_goes_to_the_twin(twin: Twin, person: dict[str, str]) -> None:
    twin.ca.parent.mkdir()
    twin.ca.touch()
    endpoints, key = ask(surroundings.of_the_administrator(twin, person))
    assert set(endpoints) == {twin.endpoint}
    assert key == "test"


def test_a_part_of_the_twin_has_no_credentials_at_all(twin: Twin, person: dict[str, str]) -> None:
    endpoints, key = ask(surroundings.of_a_part(twin, person))
    assert set(endpoints) == {twin.endpoint}
    assert key is None


def test_nothing_that_the_person_has_set_comes_along(twin: Twin, person: dict[str, str]) -> None:
    given = surroundings.of_the_administrator(twin, person)
    assert not set(given) & {name for name in person if name.startswith("AWS_")} - set(twin.administrator())
    assert "HTTPS_PROXY" not in given
    assert given["HOME"] == str(twin.folder / "home")


def test_a_shell_with_the_exports_speaks_to_the_twin(twin: Twin, person: dict[str, str]) -> None:
    lines = "\n".join(surroundings.exports(twin, person))
    done = subprocess.run(["sh", "-c", f"{lines}\nenv"], env=person, capture_output=True, check=True, text=True)
    shell = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    endpoints, key = ask({name: value for name, value in shell.items() if name != "AWS_CA_BUNDLE"})
    assert set(endpoints) == {twin.endpoint}
    assert key == "test"


def test_no_proxy_comes_between_a_shell_and_the_twin(twin: Twin, person: dict[str, str]) -> None:
    lines = surroundings.exports(twin, person | {"NO_PROXY": "intranet.example"})
    for name in ("NO_PROXY", "no_proxy"):
        assert f"export {name}=intranet.example,127.0.0.1,localhost" in lines


def test_a_variable_for_scaled_minutes_comes_along(twin: Twin) -> None:
    assert surroundings.of_a_part(twin, {"EVERGREEN_TWIN_MINUTE": "5"})["EVERGREEN_TWIN_MINUTE"] == "5"
