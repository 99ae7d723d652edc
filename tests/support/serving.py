"""What the tests of both serving targets ask of a template."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from stacks.tracking_access import TrackingAccess
from tests.support.stacks import Neighbours

PROBLEMS = ("flights", "late_flights")


def shared(neighbours: Neighbours, *, credentials: bool = False) -> dict[str, Any]:
    """What every serving stack is given."""
    secret = secretsmanager.Secret(neighbours, "Credentials") if credentials else None
    return {
        "problems": PROBLEMS,
        "placement": neighbours.placement,
        "repository": neighbours.repository,
        "artifacts": neighbours.bucket("Artifacts"),
        "capture": neighbours.bucket("Capture"),
        "tracking": TrackingAccess(uri="http://mlflow.internal:5000", clients=neighbours.clients, credentials=secret),
        "lifetime": neighbours.lifetime,
        "alerts": neighbours.alerts,
    }


def resources(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Logical id to resource."""
    return {name: dict(found) for name, found in template.find_resources(kind).items()}


def properties(template: Template, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources(template, kind).values()]


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """What the policies of the role whose id begins so allow."""
    return [
        statement
        for policy in properties(template, "AWS::IAM::Policy")
        if any(reference["Ref"].startswith(role) for reference in policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def endings(statement: dict[str, Any]) -> list[str]:
    """How the statement's resources end, once an import or reference is cut off."""
    given = statement["Resource"]
    return [
        json.dumps(one).replace('"', "").rstrip("]}").rpartition(", ")[2]
        for one in (given if isinstance(given, list) else [given])
    ]


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {name: found["Properties"] for name, found in resources(template, "AWS::CloudWatch::Alarm").items()}
