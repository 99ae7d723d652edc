"""CodeBuild whose builds do what they say: MiniStack keeps projects and records, and calls every build a success."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.services import codebuild
from ministack.services.cloudformation import provisioners

from twin.emulator import policies
from twin.emulator.additions import Answer, ServiceHandler, failure, success, wrap_service
from twin.emulator.build_order import Order, order
from twin.emulator.build_process import BuildProcess
from twin.emulator.control import RefusedError
from twin.emulator.credentials import give
from twin.emulator.role_clients import as_variables, clients
from twin.folder import ACCOUNT, REGION, Twin

TYPE = "AWS::CodeBuild::Project"
KEPT = {"VpcConfig": "vpcConfig", "LogsConfig": "logsConfig"}
"""What MiniStack drops of a project's template, by what the API calls it."""
SERVICE = "codebuild.amazonaws.com"
INITIATOR = "x-twin-initiator"
"""For whom a pipeline's build is: twin/codepipeline/providers/build.py."""
PIPELINE = "CODEPIPELINE"
_initiator: ContextVar[str] = ContextVar("twin_build_initiator", default="")
_lock = threading.Lock()
_builds: dict[str, BuildProcess] = {}
_tokens: dict[str, str] = {}


def install(twin: Twin) -> None:
    """Take the start, the stop and what a project keeps into the twin's hands."""
    theirs = provisioners._RESOURCE_HANDLERS[TYPE]
    shape = codebuild._project_shape

    def make(logical: str, properties: dict[str, Any], stack: str) -> Any:
        made = theirs["create"](logical, properties, stack)
        _keep(made[0], properties)
        return made

    def change(former: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
        made = theirs["update"](former, old, new, stack)
        _keep(made[0], new)
        return made

    provisioners._RESOURCE_HANDLERS[TYPE] = {**theirs, "create": make, "update": change}
    codebuild._project_shape = lambda project: {
        **shape(project),
        **{name: project[name] for name in KEPT.values() if name in project},
    }
    codebuild._start_build = lambda asked: _start(twin, asked)
    codebuild._stop_build = _stop
    wrap_service("codebuild", _noting)


def _keep(name: str, properties: Mapping[str, Any]) -> None:
    project = codebuild._projects[name]
    for theirs, ours in KEPT.items():
        project.pop(ours, None)
        if theirs in properties:
            project[ours] = provisioners._pascal_to_camel(properties[theirs])


def _noting(theirs: ServiceHandler) -> ServiceHandler:
    """Only a header says for whom the build is, and MiniStack hands none on."""

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        _initiator.set(headers.get(INITIATOR, ""))
        return await theirs(method, path, headers, body, query)

    return handler


def _start(twin: Twin, asked: dict[str, Any]) -> Answer:
    project = codebuild._projects.get(asked.get("projectName", ""))
    if project is None:
        return failure("ResourceNotFoundException", f"Project cannot be found: {asked.get('projectName')}")
    kind = asked.get("sourceTypeOverride") or project["source"].get("type")
    if kind == PIPELINE and not _initiator.get():
        return failure("InvalidInputException", f"{project['name']} has the source CODEPIPELINE: a pipeline starts it")
    with _lock:
        known = _tokens.get(asked.get("idempotencyToken", ""))
        if known is not None:
            return success({"build": codebuild._builds[known]})
        try:
            return success({"build": _begin(twin, project, asked)})
        except RefusedError as refused:
            message = f"CodeBuild is not authorized to perform: sts:AssumeRole on {project['serviceRole']}: {refused}"
            return failure("InvalidInputException", message)


def _begin(twin: Twin, project: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Raises RefusedError when the project's role does not admit CodeBuild."""
    name = f"{project['name']}:{uuid.uuid4()}"
    number = sum(record["projectName"] == project["name"] for record in codebuild._builds.values()) + 1
    initiator = _initiator.get() or f"{ACCOUNT}/user"
    build = order(
        project,
        asked,
        id_=name,
        arn=codebuild._build_arn(name),
        number=number,
        initiator=initiator,
        now=time.time(),
    )
    session = f"AWSCodeBuild-{build.uuid}"
    credentials = give({"role": build.role, "service": SERVICE, "session": session})
    record = codebuild._builds[name] = _record(project, asked, build)
    process = BuildProcess(
        twin,
        build,
        record,
        clients=clients(twin, as_variables(credentials)),
        credentials=credentials,
        refusal=lambda action, resource, context: policies.refusal(build.role, action, resource, dict(context)),
    )
    _builds[name] = process
    if token := asked.get("idempotencyToken"):
        _tokens[token] = name
    process.start()
    return record


def _stop(asked: dict[str, Any]) -> Answer:
    """It ends soon; as on AWS the answer is the build as it is now."""
    name = asked.get("id", "")
    if name not in _builds:
        return failure("ResourceNotFoundException", f"Build cannot be found: {name}")
    _builds[name].stop()
    return success({"build": codebuild._builds[name]})


def _record(project: Mapping[str, Any], asked: Mapping[str, Any], build: Order) -> dict[str, Any]:
    group = build.log_group.replace("/", "$252F")
    page = f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}#logsV2:log-groups/log-group/{group}"
    return {
        "id": build.id,
        "arn": build.arn,
        "buildNumber": build.number,
        "startTime": build.started,
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "sourceVersion": asked.get("sourceVersion", ""),
        "projectName": build.project,
        "source": project["source"],
        "secondarySources": asked.get("secondarySourcesOverride", []),
        "secondarySourceVersions": asked.get("secondarySourcesVersionOverride", []),
        "artifacts": {"location": asked.get("artifactsOverride", {}).get("location", "")},
        "environment": project["environment"],
        "serviceRole": build.role,
        "logs": {
            "groupName": build.log_group,
            "streamName": build.uuid,
            "deepLink": f"{page}/log-events/{build.uuid}",
            "cloudWatchLogsArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{build.log_group}:log-stream:{build.uuid}",
        },
        "timeoutInMinutes": build.minutes,
        "initiator": build.initiator,
        "phases": [],
    }
