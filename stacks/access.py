"""Who may deploy: the jobs of one GitHub environment, by GitHub's word and without a key."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.github_role import AUDIENCE, ISSUER, GithubRole


class Access(cdk.Stack):
    """`provider` is the ARN of the account's OIDC provider for GitHub where it has one: there can be one only."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        owner: str,
        name: str,
        owner_id: int | None,
        repository_id: int | None,
        environment: str,
        provider: str | None,
    ) -> None:
        super().__init__(scope, id)
        self.role: iam.Role = GithubRole(
            self,
            "Role",
            provider=provider or self._new_provider(),
            owner=owner,
            name=name,
            owner_id=owner_id,
            repository_id=repository_id,
            environment=environment,
        )
        cdk.CfnOutput(
            self,
            "RoleArn",
            value=self.role.role_arn,
            description=f"The variable AWS_ROLE_ARN of the GitHub environment {environment}",
        )

    def _new_provider(self) -> str:
        github = iam.OidcProviderNative(self, "Github", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
        return github.oidc_provider_arn
