"""What a build works on and what it leaves, fetched and stored with the project's own role."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.buildspec import Files
from twin.emulator.build_order import Location, Order
from twin.emulator.build_phases import PhaseError
from twin.folder import ROOT

CLONE = "CODEBUILD_CLONE_REF"
REFERENCE = f"{CLONE}.json"
CLONED_WITHIN = 120.0
"""Seconds for each command of git."""
Clients = Callable[[str], Any]
"""A service's client with the credentials of the project's role."""
Admit = Callable[[str], str | None]
"""Why the project's role may not use the connection of that ARN."""


def fetch(build: Order, folder: Path, clients: Clients, admit: Admit) -> tuple[dict[str, Path], str]:
    """The folders of the sources by name, the primary one under '', and its commit. Raises PhaseError."""
    folders = {"": folder / "src"}
    commit = ""
    if build.source is None:
        folders[""].mkdir(parents=True)
    else:
        commit = _place(_read(clients, build.source), folders[""], admit)
    for name, where in build.secondary.items():
        folders[name] = folder / "sources" / name
        _place(_read(clients, where), folders[name], admit)
    return folders, commit


def _read(clients: Clients, where: Location) -> bytes:
    try:
        body: bytes = clients("s3").get_object(Bucket=where.bucket, Key=where.key)["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise PhaseError("CLIENT_ERROR", f"error while downloading key {where.key}, error: {error}") from error
    return body


def _place(content: bytes, folder: Path, admit: Admit) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.namelist() == [REFERENCE]:
            return _clone(json.loads(archive.read(REFERENCE)), folder, admit)
        archive.extractall(folder)
    return ""


def _clone(wanted: Mapping[str, str], folder: Path, admit: Admit) -> str:
    """A fake: what is cloned is the checkout that the twin was started from, whatever the repository's name."""
    if refused := admit(wanted["ConnectionArn"]):
        raise PhaseError("CLIENT_ERROR", f"Failed to get access token from {wanted['ConnectionArn']}: {refused}")
    commit, url = wanted["CommitId"], f"https://github.com/{wanted['FullRepositoryId']}.git"
    trust = ("git", "-c", "safe.directory=*")
    for command in (
        (*trust, "clone", "--quiet", "--no-checkout", os.fspath(ROOT), os.fspath(folder)),
        ("git", "-C", os.fspath(folder), "-c", "advice.detachedHead=false", "checkout", "--quiet", commit),
        ("git", "-C", os.fspath(folder), "remote", "set-url", "origin", url),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CLONED_WITHIN)
        if done.returncode != 0:
            raise PhaseError("GIT_CLONE_FAILED", f"{' '.join(command[:4])}: {done.stderr.strip()}")
    return commit


def store(files: Files, folder: Path, where: Location, clients: Clients, key: str | None) -> None:
    """Zip what the specification names, and put it where the pipeline looks for it. Raises PhaseError."""
    found = files.select(folder)
    if not found:
        raise PhaseError("CLIENT_ERROR", f"no matching artifact paths found: {', '.join(files.patterns)}")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in found.items():
            archive.write(path, name)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    try:
        clients("s3").put_object(Bucket=where.bucket, Key=where.key, Body=content.getvalue(), **encryption)
    except (BotoCoreError, ClientError) as error:
        raise PhaseError("CLIENT_ERROR", f"error while uploading artifacts, error: {error}") from error
