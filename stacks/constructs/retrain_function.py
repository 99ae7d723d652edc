"""The function that turns events into runs, and what it may do: start this one pipeline, or tell one repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.function import PythonFunction
from stacks.constructs.run_memory import RunMemory
from stacks.lifetime import Lifetime

RETRIES = 2
PATIENCE = cdk.Duration.hours(6)
"""How long an event is tried, by its rule and by the function: the longest that Lambda keeps one."""
USE = (
    *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
    *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
)
"""What the table, the dead letters, the variables and the secret ask of whoever uses them under a key of one's own."""


class RetrainFunction(PythonFunction):
    """Events wait in no queue of ours: Lambda's own retries them, and what fails thrice is a dead letter."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        problems: Sequence[str],
        raw: s3.IBucket,
        memory: RunMemory,
        cooldown: cdk.Duration,
        daily_cap: int,
        starts: Mapping[str, str],
        dead_letters: sqs.IQueue,
        lifetime: Lifetime,
    ) -> None:
        super().__init__(
            scope,
            id,
            package="retrain",
            environment={
                "EVERGREEN_BUCKET": raw.bucket_name,
                "EVERGREEN_PROBLEMS": ",".join(problems),
                "EVERGREEN_TABLE": memory.table_name,
                "EVERGREEN_COOLDOWN_SECONDS": str(cooldown.to_seconds()),
                "EVERGREEN_DAILY_CAP": str(daily_cap),
                **starts,
            },
            lifetime=lifetime,
            timeout=cdk.Duration.seconds(60),
            dead_letters=dead_letters,
        )
        self.configure_async_invoke(max_event_age=PATIENCE, retry_attempts=RETRIES)
        memory.grant_items(self)
        if lifetime.key is not None:
            lifetime.key.grant(self, *USE)
        assert self.role is not None
        acknowledge(self.role, {"AwsSolutions-IAM5[Resource::*]": "Traces know no resource-level permissions."})
        acknowledge(
            self,
            {
                "NIST.800.53.R5-LambdaConcurrency": "The lock limits runs, not the number of copies of the function; "
                "an account whose limit is ten, as new ones have, could not deploy a reservation.",
                "NIST.800.53.R5-LambdaInsideVPC": "It calls AWS and GitHub only, and holds no address in the network.",
            },
        )


class GitHubToken(secretsmanager.Secret):
    """Filled by a person after the deployment; until then it holds a random text that GitHub refuses."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime) -> None:
        super().__init__(
            scope,
            id,
            description="GitHub token that may write the repository's contents, for repository_dispatch",
            encryption_key=lifetime.key,
            removal_policy=lifetime.removal,
        )
        reason = "GitHub issues and expires the token; AWS cannot rotate it."
        acknowledge(self, {"AwsSolutions-SMG4": reason, "NIST.800.53.R5-SecretsManagerRotationEnabled": reason})


def let_start(function: PythonFunction, pipeline: codepipeline.IPipeline) -> None:
    """This pipeline, and nothing else that CodePipeline can do."""
    _permit(function, "codepipeline:StartPipelineExecution", pipeline.pipeline_arn)


def let_read(function: PythonFunction, token: GitHubToken) -> None:
    """Not by the secret's own grant: that writes the function's role into the policy of a key of another stack."""
    _permit(function, "secretsmanager:GetSecretValue", token.secret_arn)


def _permit(function: PythonFunction, action: str, resource: str) -> None:
    function.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
