"""Invoke of a function, which answers by PutJobSuccessResult or PutJobFailureResult, now or when called again."""

from __future__ import annotations

import json
import uuid
from typing import Any

from twin.codepipeline.providers.look import Found, Look, Waits


def invoke(look: Look) -> Found:
    """The job's id is kept before the call, since the function may answer before the call returns."""
    run = look.run
    if run.job is None:
        return Waits({"job": str(uuid.uuid4()), "due": look.time})
    if run.due is None or look.time < run.due:
        return Waits()
    look.cloud.client("lambda").invoke(
        FunctionName=run.configuration["FunctionName"],
        InvocationType="Event",
        Payload=json.dumps({"CodePipeline.job": _job(look)}).encode(),
    )
    return Waits({"due": None})


def _job(look: Look) -> dict[str, Any]:
    """Without `artifactCredentials`: the functions of this project take no artifacts."""
    wanted = {name: look.run.configuration.get(name) for name in ("FunctionName", "UserParameters")}
    data: dict[str, Any] = {
        "actionConfiguration": {"configuration": {name: value for name, value in wanted.items() if value is not None}},
        "inputArtifacts": _artifacts(look.bucket, look.run.inputs),
        "outputArtifacts": _artifacts(look.bucket, look.run.outputs),
    }
    if look.run.continuation is not None:
        data["continuationToken"] = look.run.continuation
    return {"id": look.run.job, "accountId": look.account, "data": data}


def _artifacts(bucket: str, keys: dict[str, str]) -> list[dict[str, Any]]:
    location = {"bucketName": bucket}
    return [
        {"name": name, "revision": None, "location": {"type": "S3", "s3Location": {**location, "objectKey": key}}}
        for name, key in keys.items()
    ]
