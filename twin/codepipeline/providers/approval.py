"""Approval by a person: the topic is told once, then the run waits for PutApprovalResult."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from twin.codepipeline.providers.look import Found, Look, Waits


def approve(look: Look) -> Found:
    """The token becomes known when the topic was told, so a kill between both tells it twice and never not."""
    if look.run.token is not None:
        return Waits()
    token = str(uuid.uuid4())
    topic = look.run.configuration.get("NotificationArn")
    if topic:
        subject = f"APPROVAL NEEDED: AWS CodePipeline {look.structure.name} for action {look.action.name}"
        look.cloud.client("sns").publish(TopicArn=topic, Subject=subject[:100], Message=_message(look, token))
    return Waits({"token": token})


def _message(look: Look, token: str) -> str:
    name, configuration = look.structure.name, look.run.configuration
    view = look.console(f"codesuite/codepipeline/pipelines/{name}/view?region={look.region}")
    expires = datetime.fromtimestamp(look.run.expires or look.time, UTC)
    approval = {
        "pipelineName": name,
        "stageName": look.run.stage,
        "actionName": look.action.name,
        "token": token,
        "expires": f"{expires:%Y-%m-%dT%H:%MZ}",
        "externalEntityLink": configuration.get("ExternalEntityLink"),
        "approvalReviewLink": f"{view}#/{look.run.stage}/{look.action.name}/approve/{token}",
        "customData": configuration.get("CustomData"),
    }
    return json.dumps({"region": look.region, "consoleLink": view, "approval": approval})
