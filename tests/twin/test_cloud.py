"""A caller reaches the twin and nothing else, and finds a resource by the path that its construct has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.person import PERSON
from twin import certificates
from twin.cloud import Cloud, Control, ControlError, logical_id
from twin.folder import Twin, TwinError

TEMPLATE = {
    "Resources": {
        "Raw72517081": {"Type": "AWS::S3::Bucket", "Metadata": {"aws:cdk:path": "Dev/Storage/Raw/Resource"}},
        "RawPolicy1": {
            "Type": "AWS::S3::BucketPolicy",
            "Metadata": {"aws:cdk:path": "Dev/Storage/Raw/Policy/Resource"},
        },
        "Plain": {"Type": "AWS::SNS::Topic", "Metadata": {"aws:cdk:path": "Dev/Storage/Plain"}},
        "Stray": {"Type": "AWS::CDK::Metadata"},
    }
}


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    twin = Twin(folder=tmp_path, gateway=1, pipeline=2, block="127.81.7", token="t")
    certificates.issue(twin)
    return twin


@pytest.mark.parametrize(
    ("path", "logical"), [("Raw", "Raw72517081"), ("Raw/Policy", "RawPolicy1"), ("Plain", "Plain")]
)
def test_a_construct_is_found_by_its_path(path: str, logical: str) -> None:
    assert logical_id(TEMPLATE, "Dev-Storage", path) == logical


def test_a_path_that_leads_nowhere_is_named() -> None:
    with pytest.raises(TwinError, match="Dev-Storage has no resource at 'Rav'"):
        logical_id(TEMPLATE, "Dev-Storage", "Rav")


def test_a_persons_account_is_out_of_reach(twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PERSON.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[profile production]\nendpoint_url = https://production.example\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for service in ("s3", "cloudformation", "sts"):
        client = Cloud(twin).client(service)
        assert client.meta.endpoint_url == twin.endpoint
        assert client._request_signer._credentials.access_key == "test"
        assert client.meta.config.proxies == {}


def test_a_role_is_the_one_that_was_given(twin: Twin) -> None:
    key = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "token"}
    credentials = Cloud(twin, key).client("s3")._request_signer._credentials
    assert (credentials.access_key, credentials.token) == ("ASIA1", "token")


def test_nobody_at_home_is_said_so(twin: Twin) -> None:
    with pytest.raises(ControlError, match=r"no answer at https://127\.0\.0\.1:1") as caught:
        Control(twin, seconds=1).get("/health")
    assert caught.value.status is None
