"""Build by CodeBuild: started through its API as the action's role, then asked until it ends."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from twin.codepipeline.providers.look import Done, Fails, Found, Look, Waits

INITIATOR = "X-Twin-Initiator"
"""CodePipeline tells CodeBuild by a way that is not public whom a build is for; the twin by this header."""


def build(look: Look) -> Found:
    codebuild = look.cloud.client("codebuild")
    if look.run.external_id is None:
        try:
            variables = json.loads(look.run.configuration.get("EnvironmentVariables", "[]"))
        except ValueError as error:
            return Fails("ConfigurationError", f"EnvironmentVariables is not a list of variables: {error}")
        return _started(look, codebuild, variables)
    builds = codebuild.batch_get_builds(ids=[look.run.external_id])["builds"]
    return _seen(builds[0]) if builds else Fails("JobFailed", f"there is no build {look.run.external_id} any more")


def _started(look: Look, codebuild: Any, variables: list[dict[str, str]]) -> Found:
    # The id of the run makes a repeated start the same build.
    codebuild.meta.events.register("before-sign.codebuild.StartBuild", _introduce(look), unique_id=INITIATOR)
    build = codebuild.start_build(**_request(look), environmentVariablesOverride=variables)["build"]
    page = f"codesuite/codebuild/{look.account}/projects/{build['projectName']}/build/{quote(build['id'])}"
    return Waits({"external_id": build["id"], "external_url": look.console(f"{page}/?region={look.region}")})


def _introduce(look: Look) -> Any:
    def introduce(request: Any, **_: Any) -> None:
        request.headers[INITIATOR] = f"codepipeline/{look.structure.name}"

    return introduce


def _request(look: Look) -> dict[str, Any]:
    """Sources and artifacts as BatchGetBuilds shows them of a build that a pipeline has started."""
    configuration = look.run.configuration
    names = [artifact.name for artifact in look.action.input_artifacts]
    primary = configuration.get("PrimarySource", names[0])
    others = [name for name in names if name != primary]
    where = {name: f"arn:aws:s3:::{look.bucket}/{key}" for name, key in {**look.run.inputs, **look.run.outputs}.items()}
    outputs = [
        {"type": "CODEPIPELINE", "location": where[each.name], "artifactIdentifier": each.name}
        for each in look.action.output_artifacts
    ]
    key = look.structure.artifact_store.encryption_key
    return {
        "projectName": configuration["ProjectName"],
        "sourceTypeOverride": "CODEPIPELINE",
        "sourceVersion": where[primary],
        "secondarySourcesOverride": [{"type": "CODEPIPELINE", "sourceIdentifier": name} for name in others],
        "secondarySourcesVersionOverride": [
            {"sourceIdentifier": name, "sourceVersion": where[name]} for name in others
        ],
        **({"artifactsOverride": outputs[0]} if len(outputs) == 1 else {}),
        **({"secondaryArtifactsOverride": outputs} if len(outputs) > 1 else {}),
        "idempotencyToken": look.run.id,
        **({"encryptionKeyOverride": key.id} if key else {}),
    }


def _seen(build: dict[str, Any]) -> Found:
    status = build["buildStatus"]
    if status == "IN_PROGRESS":
        return Waits()
    if status == "SUCCEEDED":
        exported = build.get("exportedEnvironmentVariables", [])
        return Done(variables={each["name"]: each["value"] for each in exported})
    said = f"Build terminated with state: {status}."
    for phase in build.get("phases", []):
        if phase.get("phaseStatus", "SUCCEEDED") not in {"SUCCEEDED", "IN_PROGRESS"}:
            context = (phase.get("contexts") or [{}])[0]
            said += f" Phase: {phase['phaseType']}, Code: {context.get('statusCode', '')}"
            said += f", Message: {context.get('message', '')}"
            break
    return Fails("JobFailed", said[:2000])
