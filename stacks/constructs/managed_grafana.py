"""A Grafana workspace that can query one Prometheus workspace and nothing else."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_grafana as grafana
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.managed_prometheus import ManagedPrometheus


class ManagedGrafana(Construct):
    """People sign in through IAM Identity Center, which the account or its organisation must have."""

    def __init__(self, scope: Construct, id: str, *, prometheus: ManagedPrometheus) -> None:
        super().__init__(scope, id)
        account = cdk.Stack.of(self).account
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "grafana.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
            ),
        )
        prometheus.grant_query(iam.ManagedPolicy(self, "Query", roles=[role]))
        grafana.CfnWorkspace(
            self,
            "Workspace",
            account_access_type="CURRENT_ACCOUNT",
            authentication_providers=["AWS_SSO"],
            permission_type="CUSTOMER_MANAGED",
            data_sources=["PROMETHEUS"],
            role_arn=role.role_arn,
        )
