"""A Prometheus workspace with alert rules that reach people, whose logs its stack owns."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_aps as aps
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.logs import OwnedLogGroup, stack_uuid
from stacks.lifetime import Lifetime


class ManagedPrometheus(Construct):
    """`rules` is a Prometheus rule file; what fires goes to `alerts`.

    A service writes to `remote_write` once it was granted to.
    """

    def __init__(self, scope: Construct, id: str, *, rules: str, alerts: sns.Topic, lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        # The prefix lets the log delivery service write without one more entry in the account's short resource policy.
        name = f"/aws/vendedlogs/prometheus/{stack_uuid(self)}"
        logs = OwnedLogGroup(self, "Logs", lifetime=lifetime, name=name)
        self._workspace = aps.CfnWorkspace(
            self,
            "Workspace",
            alert_manager_definition=_routes(alerts),
            kms_key_arn=lifetime.key.key_arn if lifetime.key else None,
            logging_configuration=aps.CfnWorkspace.LoggingConfigurationProperty(log_group_arn=logs.log_group_arn),
        )
        if lifetime.keep:
            self._workspace.apply_removal_policy(lifetime.removal)
        aps.CfnRuleGroupsNamespace(self, "Rules", name="evergreen", data=rules, workspace=self._workspace.attr_arn)
        self._let_publish(alerts)

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

    def _let_publish(self, alerts: sns.Topic) -> None:
        alerts.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("aps.amazonaws.com")],
                actions=["sns:Publish", "sns:GetTopicAttributes"],
                resources=[alerts.topic_arn],
                conditions={
                    "ArnEquals": {"aws:SourceArn": self._workspace.attr_arn},
                    "StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account},
                },
            )
        )

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self._workspace.attr_arn]
        )


def _routes(alerts: sns.Topic) -> str:
    """An Alertmanager's configuration: everything to the one topic, a message a problem and alert."""
    return f"""alertmanager_config: |
  route:
    receiver: alerts
    group_by: [alertname, problem]
  receivers:
    - name: alerts
      sns_configs:
        - topic_arn: {alerts.topic_arn}
          sigv4:
            region: {cdk.Stack.of(alerts).region}
"""
