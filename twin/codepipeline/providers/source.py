"""Source by a connection. A fake: the repository is the checkout that the twin was started from, at its HEAD.

Rights and the connection's status are asked for as on AWS; neither GitHub nor its webhooks are there.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile

from twin.codepipeline.providers.look import Done, Fails, Found, Look
from twin.folder import ROOT

USE = "UseConnection"
"""Under the name that the service has in the connection's ARN: it was renamed."""
CLONE = "CODEBUILD_CLONE_REF"
FORMAT = "%H%n%an%n%ae%n%aI%n%s"


def source(look: Look) -> Found:
    configuration = look.run.configuration
    connection = configuration["ConnectionArn"]
    action = f"{connection.split(':')[2]}:{USE}"
    control = look.cloud.control
    asked = {"role": look.role, "action": action, "resource": connection}
    if not control.post("/allowed", asked)["allowed"]:
        return Fails("PermissionError", f"Unable to use Connection: {connection}: {look.role} may not {action}")
    status = control.post("/connections/status", {"arn": connection})["status"]
    if status != "AVAILABLE":
        return Fails("ConfigurationError", f"Connection {connection} is not available: it is {status}")
    try:
        commit, author, email, date, subject = _git("show", "--no-patch", f"--format={FORMAT}", "HEAD").split("\n", 4)
        body = _artifact(look, commit)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        return Fails("ConfigurationError", f"the checkout cannot be read as a git repository: {said}".strip())
    key = next(iter(look.run.outputs.values()))
    look.cloud.client("s3").put_object(Bucket=look.bucket, Key=key, Body=body, **look.encryption)
    repository = configuration["FullRepositoryId"]
    url = f"https://github.com/{repository}/commit/{commit}"
    message = subject.strip()
    return Done(
        summary=message,
        variables={
            "AuthorDate": date,
            "AuthorDisplayName": author,
            "AuthorEmail": email,
            "BranchName": configuration["BranchName"],
            "CommitId": commit,
            "CommitMessage": message,
            "ConnectionArn": connection,
            "FullRepositoryName": repository,
            "ProviderType": "GitHub",
        },
        revision={
            "revisionId": commit,
            "revisionSummary": json.dumps({"ProviderType": "GitHub", "CommitMessage": message}),
            "revisionUrl": url,
        },
        external=(commit, url),
    )


def _artifact(look: Look, commit: str) -> bytes:
    """The commit as a zip, or where a build finds it."""
    configuration = look.run.configuration
    if configuration.get("OutputArtifactFormat") != CLONE:
        return subprocess.run(_command("archive", "--format=zip", commit), capture_output=True, check=True).stdout
    reference = {
        "ConnectionArn": configuration["ConnectionArn"],
        "FullRepositoryId": configuration["FullRepositoryId"],
        "BranchName": configuration["BranchName"],
        "CommitId": commit,
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{CLONE}.json", json.dumps(reference))
    return content.getvalue()


def _git(*words: str) -> str:
    return subprocess.run(_command(*words), capture_output=True, check=True, text=True).stdout


def _command(*words: str) -> list[str]:
    # Whoever owns the checkout: nothing of it is executed.
    return ["git", "-c", f"safe.directory={os.fspath(ROOT)}", "-C", os.fspath(ROOT), *words]
