"""What an image is made of, how it gets its tag, how it reaches a repository. `make images-check` runs the images."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ops import image_push, images
from ops.aws import AwsError, call
from ops.engine import Engine, EngineError, build_options
from ops.image_checks import Checked, table
from ops.image_inputs import IMAGES, ROOT, InputError, context, entries, tag
from ops.image_release import release
from tests.support.aws import simulated_aws

SERVICE = IMAGES["service"]
ARM = "linux/arm64"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the service image is made of."""
    for entry in entries(SERVICE):
        (tmp_path / entry.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / entry.name, tmp_path / entry.name)
    return tmp_path


def test_equal_files_have_equal_tags_and_contexts_wherever_they_lie(checkout: Path) -> None:
    os.utime(checkout / "service" / "app.py", (1, 1))
    assert tag(SERVICE, ARM, checkout) == tag(SERVICE, ARM)
    assert context(SERVICE, checkout) == context(SERVICE)


def test_a_tag_names_the_architecture() -> None:
    assert tag(SERVICE, ARM).endswith("-arm64")
    assert tag(SERVICE, ARM).removesuffix("arm64") == tag(SERVICE, "linux/amd64").removesuffix("amd64")


@pytest.mark.parametrize("name", ["service/app.py", "requirements/service.txt", "docker/service.Dockerfile"])
def test_a_changed_byte_changes_the_tag(checkout: Path, name: str) -> None:
    with (checkout / name).open("ab") as file:
        file.write(b"#")
    assert tag(SERVICE, ARM, checkout) != tag(SERVICE, ARM)


def test_a_new_module_and_an_executable_bit_change_the_tag(checkout: Path) -> None:
    before = tag(SERVICE, ARM, checkout)
    (checkout / "service" / "app.py").chmod(0o755)
    executable = tag(SERVICE, ARM, checkout)
    (checkout / "service" / "new.py").write_text("")
    assert len({before, executable, tag(SERVICE, ARM, checkout)}) == 3


def test_nothing_else_that_lies_in_a_checkout_gets_into_an_image(checkout: Path) -> None:
    before = context(SERVICE, checkout)
    for stray in (
        ".env",
        "service/__pycache__/app.cpython-311.pyc",
        "service/.secret",
        "service/notes.txt",
        "data/a.csv",
    ):
        (checkout / stray).parent.mkdir(parents=True, exist_ok=True)
        (checkout / stray).write_text("x")
    assert context(SERVICE, checkout) == before


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_the_context_holds_every_file_of_the_code_that_git_knows(image: Any) -> None:
    names = {entry.name for entry in entries(image)}
    rooms = {name.split("/")[0] for name in names} & {"service", "ml"}
    listed = subprocess.run(["git", "ls-files", *rooms], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not rooms or set(listed.split()) - names == set()


def test_the_context_is_a_tar_without_owners_and_times() -> None:
    with tarfile.open(fileobj=io.BytesIO(context(SERVICE))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.uid, member.gid, member.mtime, member.uname) for member in members} == {(0, 0, 0, "")}


def test_a_missing_input_is_named(checkout: Path) -> None:
    (checkout / "docker" / "healthy.py").unlink()
    with pytest.raises(InputError, match=r"docker/healthy\.py"):
        tag(SERVICE, ARM, checkout)


def test_without_an_engine_one_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER", "/nowhere/docker")
    assert images.main(["check"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "DOCKER_HOST" in line


def test_a_machines_certificate_and_pip_settings_are_secrets_of_the_build(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert build_options({}, pull=False) == []
    assert build_options({"PIP_CERT": str(tmp_path / "gone")}, pull=False) == []
    options = build_options({"PIP_CERT": str(file), "PIP_CONFIG_FILE": str(file)}, pull=True)
    assert f"--secret=id=pip_ca,src={file}" in options
    assert f"--secret=id=pip_conf,src={file}" in options
    assert "--pull" in options


class Stub:
    """A client in the engine's place that writes down how it was called; `answers` are lines of shell."""

    def __init__(self, folder: Path, name: str, answers: str) -> None:
        self._log = folder / f"{name}.log"
        self.path = folder / name
        self.path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {self._log}\n{answers}\n')
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def call(self, verb: str) -> str:
        (found,) = [each for each in self.calls if each.startswith(verb)]
        return found


DOCKER = """case $1 in
info) echo x86_64 ;;
login) cat > "$0.password" ;;
build) cat > /dev/null; echo "#5 [build 1/2] RUN make"; {build} ;;
image) echo '[{{"Size": 1000000}}]' ;;
push) {push} ;;
esac"""


def engine_stub(folder: Path, monkeypatch: pytest.MonkeyPatch, *, build: str = ":", push: str = ":") -> Stub:
    stub = Stub(folder, "docker", DOCKER.format(build=build, push=push))
    monkeypatch.setenv("DOCKER", str(stub.path))
    return stub


@pytest.fixture
def repository() -> Iterator[str]:
    with simulated_aws("eu-west-1"):
        made = boto3.client("ecr", "us-east-1").create_repository(repositoryName="dev/service")
        yield made["repository"]["repositoryUri"]


def upload(wanted: str) -> None:
    boto3.client("ecr", "us-east-1").put_image(
        repositoryName="dev/service", imageManifest=json.dumps(MANIFEST), imageTag=wanted
    )


def test_an_image_that_its_repository_has_is_not_built_again(
    repository: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(tag(SERVICE, ARM))
    monkeypatch.setenv("DOCKER", "/nowhere/docker")
    assert images.main(["release", "service", "--repository", repository]) == 0
    assert capsys.readouterr().out == f"IMAGE={tag(SERVICE, ARM)}\n"


def test_a_new_image_is_built_for_the_cloud_and_pushed_under_its_content(
    repository: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = engine_stub(tmp_path, monkeypatch)
    assert images.main(["release", "service", "--repository", repository]) == 0
    built = f"{repository}:{tag(SERVICE, ARM)}"
    assert f"--platform={ARM}" in stub.call("build")
    assert f"--tag={built}" in stub.call("build")
    assert stub.call("push") == f"push {built}"
    assert stub.call("login") == f"login --username=AWS --password-stdin {repository.partition('/')[0]}"
    assert (tmp_path / "docker.password").read_text().endswith("-auth-token")
    assert capsys.readouterr().out == f"IMAGE={tag(SERVICE, ARM)}\n"


def test_a_push_that_another_build_was_faster_with_is_done(
    repository: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine_stub(tmp_path, monkeypatch, push="echo tag exists >&2; exit 1")

    def build_while_another_pushes(*_given: Any, **_named: Any) -> str:
        upload(tag(SERVICE, ARM))
        return f"{repository}:{tag(SERVICE, ARM)}"

    assert release(SERVICE, repository, platform=ARM, build=build_while_another_pushes) == tag(SERVICE, ARM)


def test_a_refused_push_fails_the_release(
    repository: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine_stub(tmp_path, monkeypatch, push="echo no space >&2; exit 1")
    assert images.main(["release", "service", "--repository", repository]) == 2
    assert "no space" in capsys.readouterr().err


def test_a_repository_elsewhere_is_refused_before_anything_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert images.main(["release", "service", "--repository", "ghcr.io/somebody/service"]) == 2
    assert "no ECR repository" in capsys.readouterr().err


def test_a_machine_that_cannot_run_the_platform_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine_stub(tmp_path, monkeypatch, build="echo 'exec /bin/sh: exec format error'; exit 1")
    with pytest.raises(EngineError, match="runs linux/amd64 and cannot run linux/arm64"):
        Engine.here().build("a:b", dockerfile="Dockerfile", context=b"", platform=ARM, options=[])


def test_a_failed_build_ends_with_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine_stub(tmp_path, monkeypatch, build="echo 'no such package'; exit 1")
    with pytest.raises(EngineError, match="no such package"):
        Engine.here().build("a:b", dockerfile="Dockerfile", context=b"", platform=ARM, options=[])


def test_where_boto3_is_missing_the_command_line_is_asked_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stub = Stub(tmp_path, "aws", """echo '{"images": []}'""")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert call("ecr", "batch-get-image", region="us-east-1", repositoryName="a") == {"images": []}
    assert stub.calls == [
        'ecr batch-get-image --output json --cli-input-json {"repositoryName": "a"} --region us-east-1'
    ]
    Stub(tmp_path, "aws", "echo denied >&2; exit 254")
    with pytest.raises(AwsError, match="aws ecr batch-get-image: denied"):
        call("ecr", "batch-get-image")


@pytest.fixture
def deployed(repository: str) -> Iterator[Any]:
    """The stacks of DEV that images are about; the service has never run. Gives a function that lets it run."""
    cloudformation = boto3.client("cloudformation", "us-east-1")

    def stack(name: str, resources: dict[str, Any], **parameters: Any) -> None:
        body = json.dumps({"Resources": resources, "Parameters": parameters})
        cloudformation.create_stack(StackName=name, TemplateBody=body)

    names = ("Service1A", "Training2B", "Mlflow3C")
    made = {each: {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": each.lower()}} for each in names}
    stack("Dev-Registry", made)
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    for name in ("Dev-Tracking", "Dev-Training", "Dev-Serving"):
        stack(name, topic, Image={"Type": "String", "Default": ""})

    def run_service() -> None:
        value = [{"ParameterKey": "Image", "ParameterValue": "old"}]
        cloudformation.update_stack(StackName="Dev-Serving", UsePreviousTemplate=True, Parameters=value)

    yield run_service


@pytest.fixture
def rollouts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
        asked.append(" ".join(command[2:]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("ops.image_push.subprocess.run", run)
    return asked


def pushed_to(pushed: list[str]) -> Any:
    def release(image: Any, repository: str, *, platform: str, build: Any) -> str:
        pushed.append(f"{image.name} {repository.partition('/')[2]} {platform}")
        return f"tag-of-{image.name}"

    return release


def test_a_first_push_lets_everything_run_but_a_service_without_a_model(
    deployed: Any, rollouts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[str] = []
    monkeypatch.setattr(image_push, "release", pushed_to(pushed))
    assert images.main(["push", "--environment", "dev"]) == 0
    assert [each.split()[0] for each in pushed] == ["mlflow", "training", "service"]
    assert all(each.split()[1].startswith(each.split()[0]) for each in pushed)
    assert rollouts == [
        "ops.rollout --stack Dev-Tracking --image tag-of-mlflow",
        "ops.rollout --stack Dev-Training --image tag-of-training",
    ]


def test_a_service_that_runs_takes_over_a_pushed_image(
    deployed: Any, rollouts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed()
    monkeypatch.setattr(image_push, "release", pushed_to([]))
    assert images.main(["push", "--environment", "dev"]) == 0
    assert rollouts[-1] == "ops.rollout --stack Dev-Serving --image tag-of-service"


def test_an_environment_that_is_not_deployed_or_not_known_is_one_sentence(
    repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert images.main(["push", "--environment", "dev"]) == 2
    assert "Dev-Registry" in capsys.readouterr().err
    assert images.main(["push", "--environment", "nope"]) == 2
    assert "dev, staging, prod" in capsys.readouterr().err


def test_a_check_that_fails_shows_in_the_table_and_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine_stub(tmp_path, monkeypatch)
    checked = Checked("service", size="100 MB", user="10001")
    checked.expect(True, "it starts")
    monkeypatch.setattr("ops.image_checks.check", lambda _engine, _names: [checked])
    assert images.main(["check"]) == 0
    checked.expect(False, "it has no compiler", ["gcc"])
    assert images.main(["check", "--json"]) == 1
    captured = capsys.readouterr()
    assert "FAIL  it has no compiler ['gcc']" in captured.err
    assert "1 failed" in table([checked])
