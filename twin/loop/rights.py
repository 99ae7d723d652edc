"""What each role must be refused, and what it does every day: both asked for really, under the role's own policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from twin.cloud import Cloud
from twin.loop.world import World, expect

REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
LAMBDA, ECS, CODEBUILD = "lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "codebuild.amazonaws.com"

GUESS = "00000000-0000-4000-8000-000000000000"

Deed = Callable[[Cloud, World], Any]


@dataclass(frozen=True)
class Right:
    """A role, by stack and construct path, who takes it, and what it tries."""

    stack: str
    role: str
    taker: str
    what: str
    deed: Deed
    allowed: bool = False

    def __str__(self) -> str:
        return f"{self.stack}/{self.role} {'may' if self.allowed else 'may not'} {self.what}"

    def refused(self, world: World) -> bool:
        """Whether the cloud refused. Raises ClientError when the deed failed for another reason."""
        role = world.cloud.client("iam").get_role(RoleName=world.named(self.stack, self.role))["Role"]["Arn"]
        try:
            self.deed(world.cloud.as_role(role, service=self.taker), world)
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSED:
                return True
            raise
        return False


def read(stack: str, bucket: str, key: str) -> Deed:
    return lambda cloud, world: cloud.client("s3").get_object(Bucket=world.named(stack, bucket), Key=key)


def write(stack: str, bucket: str, key: str) -> Deed:
    return lambda cloud, world: cloud.client("s3").put_object(Bucket=world.named(stack, bucket), Key=key, Body=b"x")


def password(cloud: Cloud, world: World) -> Any:
    return cloud.client("secretsmanager").get_secret_value(SecretId=world.named("Tracking", "Database/Secret"))


def start(cloud: Cloud, world: World) -> Any:
    return cloud.client("codepipeline").start_pipeline_execution(name=world.pipeline)


def see_who_approved(cloud: Cloud, world: World) -> Any:
    return cloud.client("codepipeline").list_action_executions(pipelineName=world.pipeline)


def approve(cloud: Cloud, world: World) -> Any:
    """With a guess at the question's token: whoever may answer is told that it is none."""
    return cloud.client("codepipeline").put_approval_result(
        pipelineName=world.pipeline,
        stageName="Approve",
        actionName="Approve",
        token=GUESS,
        result={"status": "Approved", "summary": "by a machine"},
    )


def look(stack: str, bucket: str, prefix: str) -> Deed:
    return lambda cloud, world: cloud.client("s3").list_objects_v2(Bucket=world.named(stack, bucket), Prefix=prefix)


def change(stack: str) -> Deed:
    """An update that changes nothing: refused or not, nothing happens."""

    def update(cloud: Cloud, world: World) -> Any:
        return cloud.client("cloudformation").update_stack(StackName=world.stack(stack), UsePreviousTemplate=True)

    return update


OWN, OTHER = "mlflow/flights/rights.txt", "mlflow/insurance/rights.txt"
RAW, REPORT, CAPTURED = "rights/capture/x.txt", "reports/flights/rights.html", "capture/flights/rights.txt"
SEEDS = (
    *(("Storage", "Artifacts", key) for key in (OWN, OTHER, REPORT)),
    ("Storage", "Raw", RAW),
    ("Storage", "Capture", CAPTURED),
)
"""Objects that exist while the rights are tried: of a missing one nobody could say why it cannot be had."""
RECORD = "mlflow/flights/rights/decision.json"
ARTIFACTS = ("Storage", "Artifacts")
SERVICE = ("Serving", "FlightsTask/TaskRole", ECS)
TRAIN, PROVE, RELEASE = (("Training", f"{name}/Role", CODEBUILD) for name in ("Train", "Prove", "Release"))
RETRAIN = ("Triggers", "RetrainRole", LAMBDA)
MLFLOW = ("Tracking", "ServerRole", ECS)
LINK = ("Delivery", "Report/FunctionRole", LAMBDA)

RIGHTS = (
    Right(*SERVICE, "read its own model", read(*ARTIFACTS, OWN), allowed=True),
    Right(*SERVICE, "read another problem's model", read(*ARTIFACTS, OTHER)),
    Right(*SERVICE, "change its own model", write(*ARTIFACTS, OWN)),
    Right(*SERVICE, "keep its own predictions", write("Storage", "Capture", "capture/flights/x"), allowed=True),
    Right(*SERVICE, "keep another problem's predictions", write("Storage", "Capture", "capture/insurance/x")),
    Right(*SERVICE, "read the raw data", read("Storage", "Raw", RAW)),
    Right(*SERVICE, "read the registry's password", password),
    Right(*TRAIN, "read the raw data", read("Storage", "Raw", RAW), allowed=True),
    Right(*TRAIN, "write raw data", write("Storage", "Raw", "flights/x.csv")),
    Right(*TRAIN, "read captured predictions", read("Storage", "Capture", "capture/flights/x")),
    Right(*TRAIN, "read the registry's password", password),
    Right(*TRAIN, "start the pipeline that runs it", start),
    Right(*TRAIN, "answer the question about its model", approve),
    Right(*TRAIN, "change the service", change("Serving")),
    Right(*PROVE, "write a report", write(*ARTIFACTS, "reports/flights/x"), allowed=True),
    Right(*PROVE, "keep a record with a version", write(*ARTIFACTS, RECORD), allowed=True),
    Right(*PROVE, "read captured predictions", read("Storage", "Capture", CAPTURED), allowed=True),
    Right(*PROVE, "add captured predictions", write("Storage", "Capture", CAPTURED)),
    Right(*PROVE, "answer the question about its proof", approve),
    Right(*PROVE, "change a model", write(*ARTIFACTS, OWN)),
    Right(*PROVE, "read the raw data", read("Storage", "Raw", RAW)),
    Right(*PROVE, "read the registry's password", password),
    Right(*RELEASE, "see who approved", see_who_approved, allowed=True),
    Right(*RELEASE, "answer the question itself", approve),
    Right(*RELEASE, "change the record that it goes by", write(*ARTIFACTS, RECORD)),
    Right(*RELEASE, "read captured predictions", read("Storage", "Capture", CAPTURED)),
    Right(*RELEASE, "read the raw data", read("Storage", "Raw", RAW)),
    Right(*RELEASE, "change the tracking server", change("Tracking")),
    Right(*RELEASE, "read the registry's password", password),
    Right(*RETRAIN, "read the raw data", read("Storage", "Raw", RAW)),
    Right(*RETRAIN, "read a model", read(*ARTIFACTS, OWN)),
    Right(*RETRAIN, "read the registry's password", password),
    Right(*MLFLOW, "read a model", read(*ARTIFACTS, OWN), allowed=True),
    Right(*MLFLOW, "read the raw data", read("Storage", "Raw", RAW)),
    Right(*MLFLOW, "read its database's password once it runs", password),
    Right("Tracking", "Server/ExecutionRole", ECS, "read the registry's password", password, allowed=True),
    Right("Tracking", "Server/ExecutionRole", ECS, "read a model", read(*ARTIFACTS, OWN)),
    Right("Serving", "VerifierRole", LAMBDA, "read a model", read(*ARTIFACTS, OWN)),
    Right(*LINK, "read a report", read(*ARTIFACTS, REPORT), allowed=True),
    Right(*LINK, "look which reports there are", look(*ARTIFACTS, "reports/")),
    Right(*LINK, "change a report", write(*ARTIFACTS, REPORT)),
    Right(*LINK, "read a model", read(*ARTIFACTS, OWN)),
    Right("Delivery", "Image/Role", CODEBUILD, "read a model", read(*ARTIFACTS, OWN)),
    Right("Delivery", "Image/Role", CODEBUILD, "change the service", change("Serving")),
)


def try_all(world: World) -> list[Right]:
    """Every right, tried. Raises LoopError naming all that are not as they should be."""
    with _seeded(world):
        wrong = [str(right) for right in RIGHTS if right.refused(world) is right.allowed]
    expect(not wrong, "these do not hold: " + "; ".join(wrong))
    return list(RIGHTS)


@contextmanager
def without(world: World, stack: str, role: str, action: str) -> Iterator[None]:
    """Take the action out of every statement of the role's inline policies, and put it back afterwards."""
    iam, name = world.cloud.client("iam"), world.named(stack, role)
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    before = {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names}
    after = {each: _less(document, action) for each, document in before.items()}
    changed = [each for each in names if before[each] != after[each]]
    expect(changed, f"{role} was never allowed {action}")
    try:
        for each in changed:
            _put(iam, name, each, after[each])
        yield
    finally:
        for each in changed:
            _put(iam, name, each, before[each])


def _less(document: dict[str, Any], action: str) -> dict[str, Any]:
    """The policy without the action; a statement that allowed nothing else goes."""
    statements = []
    for each in document["Statement"]:
        given = each.get("Action", [])
        actions = [given] if isinstance(given, str) else list(given)
        left = [name for name in actions if name != action]
        if left or action not in actions:
            statements.append({**each, "Action": left} if action in actions else each)
    return {**document, "Statement": statements}


def _put(iam: Any, role: str, policy: str, document: dict[str, Any]) -> None:
    if document["Statement"]:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)


@contextmanager
def _seeded(world: World) -> Iterator[None]:
    s3 = world.cloud.client("s3")
    made = [(world.named(stack, bucket), key) for stack, bucket, key in SEEDS]
    versions = [
        (bucket, key, s3.put_object(Bucket=bucket, Key=key, Body=b"x").get("VersionId")) for bucket, key in made
    ]
    try:
        yield
    finally:
        for bucket, key, version in versions:
            s3.delete_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
