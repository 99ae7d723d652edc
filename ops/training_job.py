"""Train this checkout on a SageMaker instance, in the training image, and bring back what training here would leave.

The checkout travels with the job, its history included, so that the code that trains is the commit that is delivered
and not what was baked into the image. ops/training_host.py is the other end.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

PREFIX = "evergreen-"
CHANNEL = "checkout"
ARCHIVE = "checkout.tar.gz"
RESULTS = ("trained.json", "dvc.lock")
PASSED_ON = ("MLFLOW_TRACKING_URI", "EVERGREEN_RAW_BUCKET", "EVERGREEN_ARTIFACT_ROOT")
PATIENCE = ("EVERGREEN_TRACKING_PATIENCE", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS")
LINEAGE = ("EVERGREEN_IMAGE", "EVERGREEN_TRIGGERED_BY")
"""Passed on where they are set: how long a job waits for what is away, what it runs in, and who asked for it."""
UNPACK = (
    f"mkdir -p /tmp/checkout && tar -xzf /opt/ml/input/data/{CHANNEL}/{ARCHIVE} -C /tmp/checkout "
    "&& cd /tmp/checkout && exec python -m ops.training_host"
)
GIGABYTES = 30
MENDABLE, FAILED = 2, 3

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class JobError(Exception):
    """The job could not be started or did not succeed; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where jobs run: what stacks/constructs/training_jobs.py puts into the environment."""

    bucket: str
    role: str
    image: str
    instance: str
    seconds: int
    secret: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Place:
        """Raises JobError for what is missing."""
        try:
            given = {name: environment[f"SAGEMAKER_{name}"] for name in ("BUCKET", "ROLE", "IMAGE", "INSTANCE")}
            return cls(
                **{name.lower(): value for name, value in given.items()},
                seconds=int(environment["SAGEMAKER_SECONDS"]),
                secret=environment.get("SAGEMAKER_SECRET", ""),
                subnets=tuple(filter(None, environment.get("SAGEMAKER_SUBNETS", "").split(","))),
                security_groups=tuple(filter(None, environment.get("SAGEMAKER_SECURITY_GROUPS", "").split(","))),
                variables={name: environment[name] for name in PASSED_ON}
                | {name: environment[name] for name in (*PATIENCE, *LINEAGE) if name in environment},
            )
        except KeyError as missing:
            raise JobError(
                f"{missing.args[0]} is not set; this runs in the job that stacks/training.py defines"
            ) from None


@dataclass(frozen=True)
class Clients:
    """What talks to AWS, and the patience between two looks."""

    sagemaker: Any
    s3: Any
    region: str
    sleep: Callable[[float], None] = time.sleep


def train_elsewhere(
    clients: Clients, place: Place, wish: Mapping[str, str], root: Path, *, say: Callable[[str], None]
) -> None:
    """Train and leave trained.json and dvc.lock in `root`. `wish` is problem, data and reason. Raises JobError."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    name = f"{PREFIX}{wish['problem'].replace('_', '-')[:30]}-{stamp}"
    folder = f"jobs/{name}"
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / ARCHIVE
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(root, arcname=".")
        clients.s3.upload_file(str(archive), place.bucket, f"{folder}/{ARCHIVE}")
        try:
            clients.sagemaker.create_training_job(**_definition(clients, place, wish, name, folder))
            done = _followed(clients, name, say)
            output = str(done["ModelArtifacts"]["S3ModelArtifacts"]).partition(f"s3://{place.bucket}/")[2]
            _bring_back(clients, place, output, Path(scratch), root)
            clients.s3.delete_object(Bucket=place.bucket, Key=output)
        finally:
            clients.s3.delete_object(Bucket=place.bucket, Key=f"{folder}/{ARCHIVE}")


def _definition(clients: Clients, place: Place, wish: Mapping[str, str], name: str, folder: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{place.bucket}/{folder}/{ARCHIVE}"}
    variables = {"AWS_DEFAULT_REGION": clients.region, **place.variables}
    if place.secret:
        variables["TRACKING_SECRET"] = place.secret
    definition: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": place.role,
        "AlgorithmSpecification": {
            "TrainingImage": place.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c"],
            "ContainerArguments": [UNPACK],
        },
        # Not the environment, whose values end at 512 characters: an object's key may be longer.
        "HyperParameters": dict(wish),
        "Environment": variables,
        "InputDataConfig": [{"ChannelName": CHANNEL, "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{place.bucket}/jobs"},
        "ResourceConfig": {"InstanceType": place.instance, "InstanceCount": 1, "VolumeSizeInGB": GIGABYTES},
        "StoppingCondition": {"MaxRuntimeInSeconds": place.seconds},
    }
    if place.subnets:
        definition["VpcConfig"] = {"Subnets": list(place.subnets), "SecurityGroupIds": list(place.security_groups)}
    return definition


def _followed(clients: Clients, name: str, say: Callable[[str], None]) -> dict[str, Any]:
    """The finished job. A job that nobody waits for any more is stopped."""
    told = 0
    try:
        while True:
            job: dict[str, Any] = clients.sagemaker.describe_training_job(TrainingJobName=name)
            steps = job.get("SecondaryStatusTransitions", [])
            for step in steps[told:]:
                say(f"{name}: {step['Status']} {step.get('StatusMessage', '')}".rstrip())
            told = len(steps)
            status = job["TrainingJobStatus"]
            if status == "Completed":
                return job
            if status in {"Failed", "Stopped"}:
                raise JobError(f"{name} {status.lower()}: {job.get('FailureReason') or 'it was stopped'}")
            clients.sleep(15)
    except JobError:
        raise
    except BaseException:
        clients.sagemaker.stop_training_job(TrainingJobName=name)
        raise


def _bring_back(clients: Clients, place: Place, key: str, scratch: Path, root: Path) -> None:
    archive = scratch / "model.tar.gz"
    clients.s3.download_file(place.bucket, key, str(archive))
    with tarfile.open(archive) as tar:
        for result in RESULTS:
            tar.extract(result, root, filter="data")


@app.command(epilog="Exit codes: 0 trained, 2 something given or found here is wrong, 3 the job failed.")
def main(
    problem: Annotated[str, typer.Argument()],
    data: Annotated[str, typer.Option(help="As for `evergreen train`.")],
    reason: Annotated[str, typer.Option(help="Why this is done; it is recorded.")],
) -> None:
    """Train this checkout on a SageMaker instance."""
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    wish = {"problem": problem, "data": data, "reason": reason}
    try:
        place = Place.of(os.environ)
        session = boto3.Session()
        clients = Clients(session.client("sagemaker"), session.client("s3"), session.region_name)
    except (JobError, BotoCoreError) as error:
        say(f"error: {error}")
        raise typer.Exit(MENDABLE) from None
    try:
        train_elsewhere(clients, place, wish, Path.cwd(), say=say)
    except (JobError, ClientError, BotoCoreError, Boto3Error) as error:
        say(f"error: {error}")
        raise typer.Exit(FAILED) from None


if __name__ == "__main__":
    app()
