"""What a build is to do and what its commands find in their environment: pure, from a project and a StartBuild."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.folder import EMULATOR_PYTHON, REGION, ROOT, Twin
from twin.programs import Reference, moved, places, program, reference

DEFAULT_MINUTES = 60
ARN = "arn:aws:s3:::"


@dataclass(frozen=True)
class Location:
    """An object of S3."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Network:
    """Where the project asks for an interface."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """A build, before it begins. Times are in seconds since 1970."""

    id: str
    """PROJECT:UUID"""
    arn: str
    number: int
    project: str
    project_arn: str
    role: str
    image: str
    privileged: bool
    """Whether it may use docker."""
    buildspec: str
    initiator: str
    started: float
    minutes: int
    variables: tuple[Mapping[str, str], ...]
    """name, value, type; a later one replaces an earlier one of the same name."""
    source: Location | None
    secondary: Mapping[str, Location]
    artifacts: Mapping[str, Location]
    """By identifier; the only one of a build without secondary ones has the name ''."""
    key: str | None
    """The one that artifacts are encrypted with, where the caller names one."""
    log_group: str
    network: Network | None

    @property
    def uuid(self) -> str:
        return self.id.partition(":")[2]

    @property
    def own_image(self) -> Reference | None:
        """The image's address, unless it is one of AWS's."""
        found = reference(self.image)
        return found if ".dkr.ecr." in found.registry else None


def location(arn: str) -> Location:
    bucket, _, key = arn.removeprefix(ARN).partition("/")
    return Location(bucket, key)


def order(
    project: Mapping[str, Any], asked: Mapping[str, Any], *, id_: str, arn: str, number: int, initiator: str, now: float
) -> Order:
    """From CodeBuild's documents of the project and of the request, whose overrides win."""
    environment = project["environment"]
    others = _list(asked, "secondarySourcesVersion")
    made = [asked["artifactsOverride"]] if "artifactsOverride" in asked else _list(asked, "secondaryArtifacts")
    single = "artifactsOverride" in asked
    logs = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    vpc = project.get("vpcConfig")
    return Order(
        id=id_,
        arn=arn,
        number=number,
        project=project["name"],
        project_arn=project["arn"],
        role=project["serviceRole"],
        image=environment["image"],
        privileged=environment.get("privilegedMode") in {True, "true"},
        buildspec=asked.get("buildspecOverride") or project["source"].get("buildspec", ""),
        initiator=initiator,
        started=now,
        minutes=int(project.get("timeoutInMinutes") or DEFAULT_MINUTES),
        variables=(*environment.get("environmentVariables", []), *_list(asked, "environmentVariables")),
        source=location(asked["sourceVersion"]) if asked.get("sourceVersion", "").startswith(ARN) else None,
        secondary={each["sourceIdentifier"]: location(each["sourceVersion"]) for each in others},
        artifacts={"" if single else each["artifactIdentifier"]: location(each["location"]) for each in made},
        key=asked.get("encryptionKeyOverride"),
        log_group=logs.get("groupName") or f"/aws/codebuild/{project['name']}",
        network=Network(tuple(vpc["subnets"]), tuple(vpc["securityGroupIds"])) if vpc else None,
    )


def _list(asked: Mapping[str, Any], name: str) -> list[Any]:
    return list(asked.get(f"{name}Override") or [])


def environment(
    build: Order,
    twin: Twin,
    *,
    folder: Path,
    credentials: Mapping[str, str],
    variables: Mapping[str, str],
    folders: Mapping[str, Path],
    commit: str,
) -> dict[str, str]:
    """Everything that a command gets: nothing of the emulator's own environment but PATH.

    `variables` are the buildspec's and the project's with their secrets resolved, `folders` the sources by name, the
    primary one under ''. The image's own variables come first, their /tmp being a folder of this build.
    """
    where = {**places(), "/tmp": folder / "tmp"}  # noqa: S108  # the image's, not this machine's
    image = build.own_image
    own = program(image.program).environment if image and image.program else {}
    tools = (ROOT / "twin/tools",) if build.privileged else ()
    commands = (ROOT / ".venv/bin", *tools, EMULATOR_PYTHON.parent, os.environ.get("PATH", os.defpath))
    return {
        "LANG": "C.UTF-8",
        **{name: moved(value, where) for name, value in own.items()},
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PATH": os.pathsep.join(map(str, commands)),
        "PYTHONPATH": str(ROOT / "twin/names"),
        **variables,
        **twin.trust(),
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        **_told(build, commit),
        **{f"CODEBUILD_SRC_DIR{f'_{name}' if name else ''}": str(path) for name, path in folders.items()},
    }


def _told(build: Order, commit: str) -> dict[str, str]:
    """What CodeBuild says of a build to its commands."""
    return {
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ARN": build.arn,
        "CODEBUILD_BUILD_ID": build.id,
        "CODEBUILD_BUILD_IMAGE": build.image,
        "CODEBUILD_BUILD_NUMBER": str(build.number),
        "CODEBUILD_INITIATOR": build.initiator,
        "CODEBUILD_KMS_KEY_ID": build.key or f"arn:aws:kms:{REGION}:alias/aws/s3",
        "CODEBUILD_LOG_PATH": build.uuid,
        "CODEBUILD_PROJECT_ARN": build.project_arn,
        "CODEBUILD_PROJECT_UUID": build.uuid,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
        "CODEBUILD_SOURCE_VERSION": f"{ARN}{build.source.bucket}/{build.source.key}" if build.source else "",
        "CODEBUILD_START_TIME": str(int(build.started * 1000)),
    }
