"""A SageMaker job trains this very checkout, brings its results back, and says why it failed."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ops.training_host import train_here
from ops.training_job import Clients, JobError, Place, train_elsewhere

ENVIRONMENT = {
    "SAGEMAKER_BUCKET": "artifacts",
    "SAGEMAKER_ROLE": "arn:aws:iam::111122223333:role/jobs",
    "SAGEMAKER_IMAGE": "111122223333.dkr.ecr.us-east-1.amazonaws.com/training:abc-amd64",
    "SAGEMAKER_INSTANCE": "ml.m5.xlarge",
    "SAGEMAKER_SECONDS": "7200",
    "SAGEMAKER_SECRET": "",
    "SAGEMAKER_SUBNETS": "subnet-1,subnet-2",
    "SAGEMAKER_SECURITY_GROUPS": "sg-1",
    "MLFLOW_TRACKING_URI": "http://mlflow.internal:5000",
    "EVERGREEN_ARTIFACT_ROOT": "s3://artifacts/mlflow",
    "EVERGREEN_RAW_BUCKET": "raw",
    "MLFLOW_TRACKING_PASSWORD": "not passed on",
}
WISH = {"problem": "flights", "data": "latest", "reason": "new data"}


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


class Aws:
    """S3 as a dictionary, and a training job that goes through these states."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.objects: dict[str, bytes] = {}
        self.sent: dict[str, bytes] = {}
        self.job: dict[str, Any] = {}
        self.stopped = False
        self._states = list(states)

    def upload_file(self, path: str, _: str, key: str) -> None:
        self.objects[key] = self.sent[key] = Path(path).read_bytes()

    def download_file(self, _: str, key: str, path: str) -> None:
        Path(path).write_bytes(self.objects[key])

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        assert Bucket == "artifacts"
        del self.objects[Key]

    def create_training_job(self, **job: Any) -> None:
        self.job = job

    def describe_training_job(self, TrainingJobName: str) -> Any:  # noqa: N803
        state = self._states.pop(0)
        if state["TrainingJobStatus"] == "Completed":
            key = f"jobs/{TrainingJobName}/output/model.tar.gz"
            self.objects[key] = archive(**{"trained.json": '{"version": 7}', "dvc.lock": "schema: '2.0'"})
            state = state | {"ModelArtifacts": {"S3ModelArtifacts": f"s3://artifacts/{key}"}}
        return state

    def stop_training_job(self, **_: str) -> None:
        self.stopped = True


def state(status: str, *steps: str, **more: str) -> dict[str, Any]:
    transitions = [{"Status": step, "StatusMessage": f"{step} now"} for step in steps]
    return {"TrainingJobStatus": status, "SecondaryStatusTransitions": transitions, **more}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    (tmp_path / "checkout" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (tmp_path / "checkout" / "dvc.yaml").write_text("stages: {}")
    return tmp_path / "checkout"


def train(aws: Aws, root: Path, **changes: str) -> list[str]:
    said: list[str] = []
    clients = Clients(aws, aws, "us-east-1", sleep=lambda _: None)
    train_elsewhere(clients, Place.of(ENVIRONMENT | changes), WISH, root, say=said.append)
    return said


def test_the_checkout_goes_with_its_history_and_the_results_come_back_and_nothing_is_left(root: Path) -> None:
    aws = Aws(state("InProgress", "Starting"), state("Completed", "Starting", "Training"))
    said = train(aws, root)
    assert json.loads((root / "trained.json").read_text()) == {"version": 7}
    assert (root / "dvc.lock").read_text() == "schema: '2.0'"
    assert aws.objects == {}
    (sent,) = aws.sent.values()
    with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
        assert {"./.git/HEAD", "./dvc.yaml"} <= set(tar.getnames())
    name = aws.job["TrainingJobName"]
    assert said == [f"{name}: Starting Starting now", f"{name}: Training Training now"]


def test_what_a_run_is_recorded_with_goes_along_where_it_is_known(root: Path) -> None:
    known = {"EVERGREEN_IMAGE": "training:1a2b@sha256:00", "EVERGREEN_TRIGGERED_BY": "codepipeline/P/id"}
    for given in (known, {}):
        aws = Aws(state("Completed"))
        train(aws, root, **given)
        sent = aws.job["Environment"]
        assert {name: sent[name] for name in known if name in sent} == given


def test_the_job_runs_in_the_training_image_inside_the_network_with_what_it_needs_and_no_more(root: Path) -> None:
    aws = Aws(state("Completed"))
    train(aws, root)
    job = aws.job
    assert job["TrainingJobName"].startswith("evergreen-flights-")
    assert len(job["TrainingJobName"]) <= 63
    assert job["AlgorithmSpecification"]["TrainingImage"] == ENVIRONMENT["SAGEMAKER_IMAGE"]
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"] == ["sh", "-c"]
    assert job["HyperParameters"] == WISH
    assert job["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert job["Environment"] == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_TRACKING_URI": "http://mlflow.internal:5000",
        "EVERGREEN_ARTIFACT_ROOT": "s3://artifacts/mlflow",
        "EVERGREEN_RAW_BUCKET": "raw",
    }


def test_outside_of_the_network_there_is_no_vpc_and_a_login_goes_as_the_name_of_its_secret(root: Path) -> None:
    aws = Aws(state("Completed"))
    train(aws, root, SAGEMAKER_SUBNETS="", SAGEMAKER_SECURITY_GROUPS="", SAGEMAKER_SECRET="arn:secret")
    assert "VpcConfig" not in aws.job
    assert aws.job["Environment"]["TRACKING_SECRET"] == "arn:secret"


def test_a_failed_job_says_why_and_leaves_nothing(root: Path) -> None:
    aws = Aws(state("Failed", FailureReason="AlgorithmError: flights.csv: line 3 has 2 cells"))
    with pytest.raises(JobError, match=r"^evergreen-flights-\S+ failed: AlgorithmError: flights\.csv: line 3"):
        train(aws, root)
    assert aws.objects == {}
    assert not aws.stopped


def test_a_job_that_nobody_waits_for_any_more_is_stopped(root: Path) -> None:
    aws = Aws(state("InProgress"))

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    clients = Clients(aws, aws, "us-east-1", sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_elsewhere(clients, Place.of(ENVIRONMENT), WISH, root, say=lambda _: None)
    assert aws.stopped


def test_what_is_missing_from_the_environment_is_named() -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "SAGEMAKER_ROLE"}
    with pytest.raises(JobError, match=r"^SAGEMAKER_ROLE is not set"):
        Place.of(environment)


@pytest.fixture
def host(tmp_path: Path) -> tuple[Path, Path]:
    """SageMaker's folder, and a checkout whose `ml.cli` says what it was called with."""
    home, checkout = tmp_path / "opt", tmp_path / "there"
    (home / "input" / "config").mkdir(parents=True)
    (home / "input" / "config" / "hyperparameters.json").write_text(json.dumps(WISH))
    (checkout / "ml").mkdir(parents=True)
    (checkout / "ml" / "__init__.py").touch()
    (checkout / "dvc.lock").write_text("lock")
    return home, checkout


def program(checkout: Path, text: str) -> None:
    (checkout / "ml" / "cli.py").write_text(f"import json, os, sys\n{text}\n")


def test_on_the_host_the_command_trains_and_its_document_and_lock_are_the_result(host: tuple[Path, Path]) -> None:
    home, checkout = host
    program(checkout, "print(json.dumps([sys.argv[1:], os.environ.get('MLFLOW_TRACKING_PASSWORD')]))")

    class Secrets:
        def get_secret_value(self, SecretId: str) -> Any:  # noqa: N803
            return {"SecretString": json.dumps({"username": SecretId, "password": "p"})}

    assert train_here(home, checkout, {"TRACKING_SECRET": "arn:secret"}, secrets=Secrets()) == 0
    arguments = ["train", "flights", "--data", "latest", "--reason", "new data", "--json"]
    assert json.loads((home / "model" / "trained.json").read_text()) == [arguments, "p"]
    assert (home / "model" / "dvc.lock").read_text() == "lock"
    assert not (home / "output").exists()


def test_on_the_host_the_last_sentence_of_a_failure_is_its_reason(
    host: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    home, checkout = host
    program(checkout, "sys.stderr.write('event\\nerror: the file is empty\\n\\n'); sys.exit(2)")
    assert train_here(home, checkout, {}) == 2
    assert (home / "output" / "failure").read_text() == "error: the file is empty (exit code 2)"
    assert not (home / "model" / "dvc.lock").exists()
    assert "event" in capfd.readouterr().err
