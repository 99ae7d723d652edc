"""Managed Prometheus and Grafana, where an environment asks for them.

A fake: they are recorded, so nothing is scraped, no rule is evaluated, and no dashboard is shown.
"""

from __future__ import annotations

from twin.emulator.template_types import Made, Properties, add_recorded, arn, fresh
from twin.folder import REGION, Twin


def install(_: Twin) -> None:
    add_recorded("AWS::APS::Workspace", _workspace)
    add_recorded("AWS::APS::RuleGroupsNamespace", _rules)
    add_recorded("AWS::Grafana::Workspace", _grafana)


def _workspace(_: Properties) -> Made:
    made = fresh("ws-", 32)
    name = arn("aps", f"workspace/{made}")
    endpoint = f"https://aps-workspaces.{REGION}.amazonaws.com/workspaces/{made}/"
    return name, {"Arn": name, "WorkspaceId": made, "PrometheusEndpoint": endpoint}


def _rules(properties: Properties) -> Made:
    workspace = properties["Workspace"].rpartition("/")[2]
    name = arn("aps", f"rulegroupsnamespace/{workspace}/{properties['Name']}")
    return name, {"Arn": name}


def _grafana(_: Properties) -> Made:
    made = fresh("g-", 10)
    return made, {"Id": made, "Endpoint": f"{made}.grafana-workspace.{REGION}.amazonaws.com", "Status": "ACTIVE"}
