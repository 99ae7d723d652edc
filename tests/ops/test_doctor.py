from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws
from typer.testing import CliRunner

from cdk_app.choices import AppRunner, Monitoring, Repository, Serving
from cdk_app.environments import DEV, PROD
from ops import checks, doctor
from ops.checks import BOOTSTRAP, ECS_ROLE, GITHUB, Check, examine
from ops.variants import changed

NUMBER = "123456789012"
FORK = changed(
    DEV, repository=Repository(owner="someone", name="evergreen"), monitoring=Monitoring(emails=("a@b.org",))
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        boto3.client("ssm", region_name="us-east-1").put_parameter(Name=BOOTSTRAP, Value="30", Type="String")
        boto3.client("iam").create_role(RoleName=ECS_ROLE, AssumeRolePolicyDocument="{}")
        yield


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which everything is installed."""
    install(tmp_path, "2.1148.1")
    monkeypatch.setenv("JSII_NODE", program(tmp_path / "node", "v24.1.0"))
    monkeypatch.setenv("DOCKER", program(tmp_path / "docker", "28.0"))
    return tmp_path


def install(root: Path, version: str) -> None:
    (root / "package.json").write_text(json.dumps({"devDependencies": {"aws-cdk": "2.1148.1"}}))
    package = root / "node_modules" / "aws-cdk" / "package.json"
    package.parent.mkdir(parents=True, exist_ok=True)
    package.write_text(json.dumps({"version": version}))


def program(path: Path, says: str, *, first: str = "") -> str:
    path.write_text(f"#!/bin/sh\n{first}\necho {says}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def found(name: str, given: list[Check]) -> Check:
    (check,) = [check for check in given if check.name == name]
    return check


@pytest.mark.usefixtures("account")
def test_a_fork_that_is_ready_has_nothing_to_do(checkout: Path) -> None:
    assert [check for check in examine(FORK, root=checkout) if check.state != "ok"] == []


@pytest.mark.usefixtures("account")
def test_what_is_not_filled_in_is_named_with_the_file_to_change() -> None:
    for name, environment in (("repository", DEV), ("certificate", PROD)):
        check = found(name, list(checks.values(environment)))
        assert check.state == "fail"
        assert "cdk_app/environments.py" in check.remedy


@pytest.mark.parametrize(("says", "state"), [("v22.3.0", "ok"), ("v24.0.1", "ok"), ("v20.20.2", "fail"), ("", "fail")])
def test_node_is_one_that_the_cdk_supports(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: str
) -> None:
    monkeypatch.setenv("JSII_NODE", program(checkout / "node", says))
    assert checks.node(checkout).state == state


@pytest.mark.parametrize(("version", "state"), [("2.1148.1", "ok"), ("3.0.0", "fail"), ("2.1148.0", "fail")])
def test_the_cli_is_the_pinned_one(checkout: Path, version: str, state: str) -> None:
    install(checkout, version)
    assert checks.cdk(checkout).state == state


def test_a_cli_that_is_missing_says_which_command_brings_it(checkout: Path) -> None:
    (checkout / "node_modules/aws-cdk/package.json").unlink()
    assert "make synth" in checks.cdk(checkout).remedy


def test_an_engine_is_wanted_but_not_needed_and_may_not_hang(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.engine().state == "ok"
    monkeypatch.setenv("DOCKER", str(checkout / "nothing"))
    assert checks.engine().state == "warn"
    monkeypatch.setattr(checks, "SECONDS", 0.2)
    monkeypatch.setenv("DOCKER", program(checkout / "docker", "28", first="exec sleep 60"))
    started = time.monotonic()
    assert checks.engine().state == "warn"
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("account")
def test_credentials_of_another_account_are_refused(checkout: Path) -> None:
    elsewhere = changed(FORK, account="999999999999")
    assert found("credentials", examine(elsewhere, root=checkout)).state == "fail"
    assert found("credentials", examine(changed(FORK, account=NUMBER), root=checkout)).state == "ok"


def test_without_credentials_the_rest_is_still_told(checkout: Path) -> None:
    def clients(_service: str) -> Any:
        raise NoCredentialsError

    given = examine(FORK, clients, checkout)
    assert found("credentials", given).state == "fail"
    assert found("node", given).state == "ok"
    assert not [check for check in given if check.name == "bootstrap"]


def test_offline_it_ends_soon_and_in_words(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    check = found("credentials", examine(FORK, root=checkout))
    assert check.state == "fail"
    assert "127.0.0.1:9" in check.found


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(("version", "needed", "state"), [("6", 6, "ok"), ("29", 30, "fail"), ("5", None, "fail")])
def test_the_bootstrap_is_as_new_as_the_templates_ask(
    checkout: Path, version: str, needed: int | None, state: str
) -> None:
    boto3.client("ssm", region_name="us-east-1").put_parameter(
        Name=BOOTSTRAP, Value=version, Type="String", Overwrite=True
    )
    if needed is not None:
        manifest = checkout / "cdk.out" / "dev-ecs" / "assembly-Dev" / "manifest.json"
        manifest.parent.mkdir(parents=True)
        artifact = {"properties": {"requiresBootstrapStackVersion": needed}}
        manifest.write_text(json.dumps({"artifacts": {"a": artifact}}))
    assert found("bootstrap", examine(FORK, root=checkout)).state == state


@pytest.mark.usefixtures("account")
def test_a_region_that_was_never_prepared_says_how(checkout: Path) -> None:
    check = found("bootstrap", examine(changed_region("eu-west-1"), root=checkout))
    assert (check.state, check.remedy) == ("fail", "run `make bootstrap ENV=dev`")


@pytest.mark.usefixtures("account")
def test_an_account_that_never_used_ecs_gets_its_role_before_its_first_cluster(checkout: Path) -> None:
    assert found("ECS", examine(FORK, root=checkout)).state == "ok"
    boto3.client("iam").delete_role(RoleName=ECS_ROLE)
    check = found("ECS", examine(FORK, root=checkout))
    assert check.state == "fail"
    assert "create-service-linked-role --aws-service-name ecs.amazonaws.com" in check.remedy


def changed_region(name: str) -> Any:
    network = changed(FORK.network, zones=(f"{name}a", f"{name}b"))
    return changed(FORK, region=name, network=network)


def test_the_shells_region_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.region(FORK).state == "ok"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert checks.region(FORK).remedy == "export AWS_REGION=us-east-1"


class Refusing:
    """App Runner as an account sees it that never used it."""

    def list_services(self, **_given: Any) -> Any:
        said = {"Error": {"Code": "AccessDeniedException", "Message": "App Runner is not available to new customers"}}
        raise ClientError(said, "ListServices")


def test_an_account_that_app_runner_refuses_is_told_the_one_word_to_change() -> None:
    wanting = changed(FORK, serving=Serving(target="apprunner", apprunner=AppRunner()))
    check = checks.app_runner(wanting, lambda _: Refusing())
    assert check.state == "fail"
    assert "target='ecs'" in check.remedy
    assert checks.app_runner(FORK, lambda _: Refusing()).state == "ok"


class Directory:
    """IAM Identity Center with so many instances."""

    def __init__(self, *instances: str) -> None:
        self.instances = instances

    def list_instances(self) -> Any:
        return {"Instances": [{"InstanceArn": instance} for instance in self.instances]}


@pytest.mark.parametrize(("instances", "state"), [((), "warn"), (("arn:aws:sso:::instance/ours",), "ok")])
def test_grafana_needs_a_directory_of_people(instances: tuple[str, ...], state: str) -> None:
    assert checks.people(PROD, lambda _: Directory(*instances)).state == state
    assert checks.people(FORK, lambda _: Directory()).state == "ok"


class Answering:
    """App Runner with so many services."""

    def __init__(self, services: int) -> None:
        self.services = services

    def list_services(self, **_given: Any) -> Any:
        return {"ServiceSummaryList": [{"ServiceName": "ours"}] * self.services}


@pytest.mark.parametrize(("services", "state"), [(0, "warn"), (1, "ok")])
def test_only_a_service_that_is_there_shows_that_app_runner_takes_the_account(services: int, state: str) -> None:
    wanting = changed(FORK, serving=Serving(target="apprunner", apprunner=AppRunner()))
    assert checks.app_runner(wanting, lambda _: Answering(services)).state == state


@pytest.mark.usefixtures("account")
def test_an_account_with_a_provider_of_github_must_name_it(checkout: Path) -> None:
    iam = boto3.client("iam")
    made = iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ThumbprintList=["a" * 40])
    check = found("GitHub provider", examine(FORK, root=checkout))
    assert check.state == "fail"
    assert made["OpenIDConnectProviderArn"] in check.remedy
    iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"], Tags=[{"Key": "application", "Value": "evergreen"}]
    )
    assert found("GitHub provider", examine(FORK, root=checkout)).state == "ok"


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warn", 0), ("fail", 3)])
def test_the_exit_code_says_whether_a_deployment_can_start(
    monkeypatch: pytest.MonkeyPatch, state: Any, code: int
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda _: [Check("node", state, "found [it]", "do that")])
    shown = CliRunner().invoke(doctor.app, [])
    assert shown.exit_code == code
    assert "found [it]" in shown.stdout
    document = json.loads(CliRunner().invoke(doctor.app, ["--json"]).stdout)
    assert document == [{"name": "node", "state": state, "found": "found [it]", "remedy": "do that"}]


def test_an_environment_that_is_none_is_told() -> None:
    result = CliRunner().invoke(doctor.app, ["--environment", "nowhere"])
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
