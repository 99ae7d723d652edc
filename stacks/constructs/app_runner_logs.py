"""The log groups that App Runner makes by itself: with a retention, and gone with the stack unless kept."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_apprunner as apprunner
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.findings import wildcard
from stacks.constructs.function import PythonFunction
from stacks.lifetime import Lifetime

GROUPS = "/aws/apprunner"
TYPE = "Custom::AppRunnerLogs"


class AppRunnerLogs(Construct):
    """Owns the groups of the services called `names`; `own` each service once it is declared.

    CloudFormation cannot adopt a group whose name holds an id that App Runner makes up, so a function sets retentions
    after a service was made and sweeps after it was deleted.
    """

    def __init__(self, scope: Construct, id: str, *, names: list[str], lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        self._lifetime = lifetime
        self._function = PythonFunction(
            self,
            "Function",
            package="apprunner_logs",
            environment={},
            lifetime=lifetime,
            timeout=cdk.Duration.minutes(1),
        )
        stack = cdk.Stack.of(self)
        group = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
        own = [f"{group}{GROUPS}/{name}/*" for name in names]
        self._allow(["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"], own, "Ids are made up.")
        self._allow(["logs:DescribeLogGroups"], [f"{group}*"], "Listing log groups knows no narrower resource.")
        acknowledge(
            self._function,
            {
                "NIST.800.53.R5-LambdaInsideVPC": "It talks to CloudWatch Logs and CloudFormation only.",
                "NIST.800.53.R5-LambdaDLQ": "CloudFormation waits for the answer and fails without one.",
                "NIST.800.53.R5-LambdaConcurrency": "CloudFormation calls it once a service and change.",
            },
        )

    def own(self, id: str, service: apprunner.CfnService) -> None:
        """The sweep is deleted after the service, which writes until it is gone."""
        assert service.service_name is not None
        if not self._lifetime.keep:
            sweep = self._resource(f"{id}Sweep", {"Sweep": f"{GROUPS}/{service.service_name}/"})
            service.node.add_dependency(sweep)
        days = str(self._lifetime.log_days)
        name = f"{service.service_name}/{service.attr_service_id}"
        retention = self._resource(f"{id}Retention", {"Service": name, "Days": days})
        resource = retention.node.default_child
        assert isinstance(resource, cdk.CfnResource)
        resource.cfn_options.condition = service.cfn_options.condition

    def _resource(self, id: str, properties: Mapping[str, str]) -> cdk.CustomResource:
        resource = cdk.CustomResource(
            self,
            id,
            resource_type=TYPE,
            service_token=self._function.function_arn,
            properties=dict(properties),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        resource.node.add_dependency(self._function)
        return resource

    def _allow(self, actions: list[str], resources: list[str], reason: str) -> None:
        self._function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))
        for resource in resources:
            acknowledge(self, {wildcard(self, resource): reason})
