"""A Prometheus workspace with alert rules, whose logs its stack owns."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_aps as aps
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.logs import OwnedLogGroup
from stacks.lifetime import Lifetime


class ManagedPrometheus(Construct):
    """`rules` is a Prometheus rule file. A service writes to `remote_write` once it was granted to."""

    def __init__(self, scope: Construct, id: str, *, rules: str, lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        # The prefix lets the log delivery service write without one more entry in the account's short resource policy.
        name = f"/aws/vendedlogs/prometheus/{cdk.Stack.of(self).stack_name}"
        logs = OwnedLogGroup(self, "Logs", lifetime=lifetime, name=name)
        self._workspace = aps.CfnWorkspace(
            self,
            "Workspace",
            kms_key_arn=lifetime.key.key_arn if lifetime.key else None,
            logging_configuration=aps.CfnWorkspace.LoggingConfigurationProperty(log_group_arn=logs.log_group_arn),
        )
        if lifetime.keep:
            self._workspace.apply_removal_policy(lifetime.removal)
        aps.CfnRuleGroupsNamespace(self, "Rules", name="evergreen", data=rules, workspace=self._workspace.attr_arn)

    @property
    def remote_write(self) -> str:
        return f"{self._workspace.attr_prometheus_endpoint}api/v1/remote_write"

    def grant_write(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._grant(grantee, "aps:RemoteWrite")

    def grant_query(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._grant(
            grantee,
            "aps:DescribeWorkspace",
            "aps:GetLabels",
            "aps:GetMetricMetadata",
            "aps:GetSeries",
            "aps:QueryMetrics",
        )

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self._workspace.attr_arn]
        )
