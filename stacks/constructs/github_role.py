"""The role that a GitHub environment's jobs may take on, without any key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
BOOTSTRAP = ("deploy", "file-publishing", "image-publishing", "lookup")


class GithubRole(iam.Role):
    """May do nothing but take on the roles of `cdk bootstrap`, for an hour at most.

    `provider` is the ARN of the account's OIDC provider for GitHub. The ids are GitHub's own numbers of owner and
    repository: with both, a repository that takes over a name that has become free is not this one.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        provider: str,
        owner: str,
        name: str,
        owner_id: int | None,
        repository_id: int | None,
        environment: str,
    ) -> None:
        trust = _trust(f"environment:{environment}", (owner, owner_id), (name, repository_id))
        super().__init__(
            scope,
            id,
            description=f"Deploys the infrastructure from {owner}/{name}, environment {environment}",
            assumed_by=iam.WebIdentityPrincipal(provider, conditions=trust),
            max_session_duration=cdk.Duration.hours(1),
        )
        becoming = iam.PolicyStatement(actions=["sts:AssumeRole"], resources=_bootstrap(cdk.Stack.of(self)))
        iam.ManagedPolicy(self, "Bootstrap", statements=[becoming], roles=[self])


def _trust(
    where: str, owner: tuple[str, int | None], repository: tuple[str, int | None]
) -> Mapping[str, Mapping[str, str | Sequence[str]]]:
    """Both forms of `sub`: repositories made or renamed since 2026-07-15 have the ids in it."""
    plain = f"repo:{owner[0]}/{repository[0]}:{where}"
    numbered = f"repo:{_numbered(*owner)}/{_numbered(*repository)}:{where}"
    exact = "*" not in numbered
    return {
        "StringEquals": {f"{ISSUER}:aud": AUDIENCE} | ({f"{ISSUER}:sub": [plain, numbered]} if exact else {}),
        **({} if exact else {"StringLike": {f"{ISSUER}:sub": [plain, numbered]}}),
    }


def _numbered(name: str, number: int | None) -> str:
    return f"{name}@{'*' if number is None else number}"


def _bootstrap(stack: cdk.Stack) -> list[str]:
    qualifier = stack.synthesizer.bootstrap_qualifier or cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
    names = (f"cdk-{qualifier}-{use}-role-{stack.account}-{stack.region}" for use in BOOTSTRAP)
    return [stack.format_arn(service="iam", region="", resource="role", resource_name=name) for name in names]
