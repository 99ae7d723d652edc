"""The function that asks services what they serve."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.function import PythonFunction
from stacks.lifetime import Lifetime


class Verifier(PythonFunction):
    """`endpoints` are the parameters that hold the base URLs, by problem. It asks from outside the VPC, as users do."""

    def __init__(
        self, scope: Construct, id: str, *, endpoints: Mapping[str, ssm.StringParameter], lifetime: Lifetime
    ) -> None:
        names = {problem: parameter.parameter_name for problem, parameter in endpoints.items()}
        super().__init__(
            scope,
            id,
            package="verify",
            environment={"ENDPOINTS": cdk.Stack.of(scope).to_json_string(names)},
            lifetime=lifetime,
            timeout=cdk.Duration.seconds(90),
        )
        for parameter in endpoints.values():
            self.add_to_role_policy(
                iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[parameter.parameter_arn])
            )
        self.add_to_role_policy(
            iam.PolicyStatement(
                actions=["codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"], resources=["*"]
            )
        )
        assert self.role is not None
        answers = "Answers to pipeline jobs, and traces, know no resource-level permissions."
        acknowledge(self.role, {"AwsSolutions-IAM5[Resource::*]": answers})
        acknowledge(
            self,
            {
                "NIST.800.53.R5-LambdaInsideVPC": "It asks from where users ask, and stores nothing.",
                "NIST.800.53.R5-LambdaDLQ": "Whoever asks waits for the answer and fails without one; nothing is lost.",
                "NIST.800.53.R5-LambdaConcurrency": "A pipeline and a deployment ask once at a time.",
            },
        )
