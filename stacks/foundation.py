"""What every other stack stands on: how long things live, under which key, whom alarms reach, where metrics go."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.encryption_key import EncryptionKey
from stacks.constructs.mail import MailTopic
from stacks.constructs.managed_prometheus import ManagedPrometheus
from stacks.lifetime import Lifetime
from stacks.prometheus_rules import RULES


class Foundation(cdk.Stack):
    """SNS asks each of the `emails` once whether it wants the `alerts`.

    Without a key of one's own they are not encrypted at rest: alarms cannot publish under the AWS-managed key.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        emails: tuple[str, ...],
        customer_key: bool,
        keep: bool,
        log_days: int,
        prometheus: bool,
    ) -> None:
        super().__init__(scope, id)
        self.lifetime = Lifetime(keep=keep, log_days=log_days)
        if customer_key:
            key = EncryptionKey(self, "Key", removal=self.lifetime.removal)
            self.lifetime = Lifetime(keep=keep, log_days=log_days, key=key)
        self.alerts = MailTopic(self, "Alerts", emails=emails, lifetime=self.lifetime)
        # The policy against plain HTTP takes the place of the default one, under which alarms of the account publish.
        self.alerts.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.alerts.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        # Made here since services write to it, and the dashboard reads what services say of themselves.
        self.prometheus = (
            ManagedPrometheus(self, "Prometheus", rules=RULES, alerts=self.alerts, lifetime=self.lifetime)
            if prometheus
            else None
        )
