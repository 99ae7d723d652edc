"""What trains, proves and releases: jobs in the training image, each with the rights of its one task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import INLINE_POLICIES, acknowledge
from stacks.constructs.buildspec import buildspec
from stacks.constructs.findings import wildcard
from stacks.constructs.function import POWERTOOLS
from stacks.constructs.image import ReleasedImage
from stacks.constructs.job import Compute, TrainingJob
from stacks.constructs.objects import grant_reading, grant_writing
from stacks.constructs.training_jobs import SageMakerJobs
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.tracking_access import TrackingAccess

ALL = "*"
MODELS = "mlflow/*"
DECISIONS, PAGES = "mlflow/*/decision.json", "mlflow/*/report.html"
"""What a proof adds to the run of a version."""
REPORTS = "reports/*"
CAPTURED = "capture/*"
LAST_WORDS = 4
"""Minutes at the end of the job that releases; no job has less than five."""
NOBODY = ""
"""Whose the parameters are that AWS publishes, in an ARN."""
REMOTE = 'python -m dvc remote modify --local storage url "s3://$EVERGREEN_DVC_BUCKET/$PROBLEM"'
IMAGE = 'EVERGREEN_IMAGE="$(python -m ops.image_digest "$EVERGREEN_IMAGE")"'
"""Its digest beside its tag, by the job itself: a template does not know what was pushed."""
BY = "$CODEBUILD_INITIATOR/$EXECUTION"
TRAIN = 'python -m ml.cli train "$PROBLEM" --data "$DATA" --reason "$REASON" --json > trained.json'
TRAIN_ELSEWHERE = 'python -m ops.training_job "$PROBLEM" --data "$DATA" --reason "$REASON"'
PROVE = 'python -m ml.cli prove "$PROBLEM" --version "$VERSION" --unless-champion'
REPORT = (
    'python -m ml.cli report "$PROBLEM" --version "$VERSION" '
    '--output "s3://$REPORTS_BUCKET/reports/$PROBLEM/$EXECUTION/report.html"'
)
WHO = 'python -m ops.approver --initiator "$CODEBUILD_INITIATOR" --execution "$EXECUTION" > approval.json'
APPROVE = f'python -m ml.cli approve "$PROBLEM/$VERSION" --by "$APPROVER" --why "$WHY" --execution "{BY}" --json'
READ = "python -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])'"


class Training(cdk.Stack):
    """`train`, `prove` and `release` expect a pipeline's variables in their environment: see stacks/delivery.py."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement | None,
        repository: ecr.IRepository,
        raw: s3.IBucket,
        dvc: s3.IBucket,
        artifacts: s3.IBucket,
        capture: s3.IBucket,
        tracking: TrackingAccess,
        serving_stack: str,
        compute: Compute,
        sagemaker: str | None,
        timeout: cdk.Duration,
        lifetime: Lifetime,
    ) -> None:
        super().__init__(scope, id)
        image = ReleasedImage(self, "TrainingImage", repository=repository)
        shared: Mapping[str, Any] = {
            "image": image,
            "tracking": tracking,
            "placement": placement,
            "timeout": timeout,
            "lifetime": lifetime,
        }
        remote = {"EVERGREEN_DVC_BUCKET": dvc.bucket_name}
        elsewhere = None
        if sagemaker is not None:
            elsewhere = SageMakerJobs(
                self,
                "SageMaker",
                instance=sagemaker,
                image=image,
                tracking=tracking,
                placement=placement,
                exchange=artifacts,
                timeout=timeout,
            )
        self.train = TrainingJob(
            self,
            "Train",
            spec=_train(TRAIN_ELSEWHERE if elsewhere else TRAIN),
            environment={
                **remote,
                "EVERGREEN_RAW_BUCKET": raw.bucket_name,
                "EVERGREEN_ARTIFACT_ROOT": artifacts.s3_url_for_object(MODELS.partition("/")[0]),
                **(elsewhere.environment if elsewhere else {}),
            },
            # A job that only starts another one and waits needs no size of its own.
            compute="small" if elsewhere else compute,
            **shared,
        )
        seen = {"EVERGREEN_CAPTURE_BUCKET": capture.bucket_name}
        self.prove = TrainingJob(self, "Prove", spec=_prove(), environment=remote | seen, compute=compute, **shared)
        self.release = TrainingJob(
            self,
            "Release",
            spec=_release(timeout),
            environment={"SERVING_STACK": serving_stack},
            compute="small",
            **shared,
        )
        if elsewhere is not None:
            elsewhere.grant_starting(_role(self.train))
        trainer = elsewhere.role if elsewhere else _role(self.train)
        grant_reading(raw, trainer, ALL)
        grant_reading(dvc, trainer, ALL)
        grant_writing(dvc, trainer, ALL)
        grant_writing(artifacts, trainer, MODELS)
        prover = _role(self.prove)
        grant_reading(dvc, prover, ALL)
        grant_reading(artifacts, prover, MODELS)
        grant_writing(artifacts, prover, DECISIONS, PAGES, REPORTS)
        grant_reading(capture, prover, CAPTURED)
        grant_reading(artifacts, _role(self.release), DECISIONS)
        self._grant_rollout(serving_stack)
        acknowledge(self, INLINE_POLICIES)

    def _grant_rollout(self, serving_stack: str) -> None:
        # An update goes on with the role of the last deployment; who may update the stack need not be able to pass it.
        actions = ("DescribeStacks", "DescribeStackEvents", "UpdateStack")
        stack = self.format_arn(service="cloudformation", resource="stack", resource_name=f"{serving_stack}/*")
        self.release.add_to_role_policy(
            iam.PolicyStatement(actions=[f"cloudformation:{action}" for action in actions], resources=[stack])
        )
        # An update looks up again what its template takes from Parameter Store, some of it for whoever asks for it.
        self.release.add_to_role_policy(
            iam.PolicyStatement(
                actions=["ssm:GetParameters"],
                resources=[
                    self.format_arn(service="ssm", account=owner, resource="parameter", resource_name=name[1:])
                    for name, owner in ((_bootstrap_version(self), self.account), (POWERTOOLS, NOBODY))
                ],
            )
        )
        acknowledge(
            self.release, {wildcard(self, stack): "A stack's ARN ends with an id that it gets when it is made."}
        )


def _bootstrap_version(stack: cdk.Stack) -> str:
    qualifier = stack.synthesizer.bootstrap_qualifier or cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return cdk.DefaultStackSynthesizer.DEFAULT_BOOTSTRAP_STACK_VERSION_SSM_PARAMETER.replace("${Qualifier}", qualifier)


def _role(job: TrainingJob) -> iam.Role:
    assert isinstance(job.role, iam.Role)
    return job.role


def _train(command: str) -> codebuild.BuildSpec:
    return buildspec(
        prepare=["python -m ops.locked requirements/ml.txt", IMAGE, f'export EVERGREEN_TRIGGERED_BY="{BY}"', REMOTE],
        run=[command, *_export("VERSION", "trained.json", "version"), *_export("DIGEST", "trained.json", "digest")],
        exports=["VERSION", "DIGEST"],
        files=["dvc.lock", "trained.json"],
    )


def _prove() -> codebuild.BuildSpec:
    """Exit code 3 of `prove`, the policy's no, fails the job; the report is there either way."""
    return buildspec(
        prepare=[
            'cp "$CODEBUILD_SRC_DIR_Trained/dvc.lock" dvc.lock',
            IMAGE,
            REMOTE,
            'python -m dvc pull "data/work/$PROBLEM/holdout.parquet"',
        ],
        run=[PROVE],
        always=[REPORT, 'echo "The report in the console: $REPORT_IN_CONSOLE"'],
        exports=["REPORT"],
    )


def _release(timeout: cdk.Duration) -> codebuild.BuildSpec:
    """Waits for a rollout as long as the job may run, but for the time in which it can still say what happened."""
    patience = f"--minutes {timeout.to_minutes() - LAST_WORDS}"
    return buildspec(
        prepare=[IMAGE, 'python -m ops.undo --initiator "$CODEBUILD_INITIATOR" --execution "$EXECUTION"'],
        run=[
            WHO,
            *_export("APPROVER", "approval.json", "by"),
            *_export("WHY", "approval.json", "why"),
            APPROVE,
            f'python -m ops.rollout --stack "$SERVING_STACK" --image "$IMAGE" {patience} --json',
        ],
    )


def _export(name: str, file: str, field: str) -> list[str]:
    # Two commands: `export NAME=$(...)` would hide that the command in it failed. What was read is not read again as
    # a command, whoever wrote it.
    return [f'{name}="$({READ} {file} {field})"', f"export {name}"]
