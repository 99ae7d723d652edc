"""App Runner: a service's container as one process behind the balancer, replaced without dropping a request.

A fake: one instance whatever the load, no VPC connector, no traces. It proves what the roles may do, what the container
is told, when a deployment is taken back, and that CloudFormation says nothing of it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from twin import poll
from twin.emulator.additions import Answer, add_service, document, failure, operation, success
from twin.emulator.apprunner_service import RUNNING, RunnerService
from twin.emulator.template_types import Made, Properties, add_recorded, add_type, arn, fresh, recorded
from twin.folder import REGION, Twin, TwinError

PREFIX = "AWS::AppRunner::"
CONFIGURATIONS = {
    "AutoScalingConfiguration": "autoscalingconfiguration",
    "ObservabilityConfiguration": "observabilityconfiguration",
    "VpcConnector": "vpcconnector",
}
"""What a service only refers to, and how its ARN calls it."""
LISTED = {
    "ListAutoScalingConfigurations": ("AutoScalingConfiguration", "AutoScalingConfigurationSummaryList"),
    "ListObservabilityConfigurations": ("ObservabilityConfiguration", "ObservabilityConfigurationSummaryList"),
    "ListVpcConnectors": ("VpcConnector", "VpcConnectors"),
}
GONE = 90.0
_services: dict[str, RunnerService] = {}
_lock = threading.Lock()


def install(twin: Twin) -> None:
    for kind, word in CONFIGURATIONS.items():
        add_recorded(PREFIX + kind, _configuration(kind, word))
    add_type(
        PREFIX + "Service",
        make=lambda properties: _create(twin, properties),
        change=_update,
        remove=_delete,
    )
    add_service("apprunner", _handle, target_prefixes=["AppRunner"], namespace="apprunner", resource=_resource)


def _configuration(kind: str, word: str) -> Any:
    def make(properties: Properties) -> Made:
        name = properties.get(f"{kind}Name") or fresh("Evergreen-", 8)
        made = arn("apprunner", f"{word}/{name}/1/{fresh(length=32)}")
        revision = {f"{kind}Name": name, f"{kind}Arn": made, f"{kind}Revision": 1}
        return made, revision if kind == "VpcConnector" else {**revision, "Latest": True}

    return make


def _create(twin: Twin, properties: Properties) -> Made:
    """Raises TwinError with what kept the service from running; then nothing of it is left but its log groups."""
    name, identity = properties["ServiceName"], fresh(length=32)
    with _lock:
        if any(each.title == name for each in _services.values()):
            raise TwinError(f"Service with the provided name already exists: {name}.")
        service = RunnerService(twin, arn("apprunner", f"service/{name}/{identity}"), name, identity, _url())
        _services[service.arn] = service
    if reason := service.deploy(properties):
        _delete(service.arn, properties)
        raise TwinError(
            f"Resource handler returned message: \"Service {name} is in 'CREATE_FAILED': {reason}\" "
            "(HandlerErrorCode: NotStabilized)"
        )
    service.start()
    return service.arn, _attributes(service)


def _update(former: str, _: Properties, properties: Properties) -> Made:
    """Says that it went well even where App Runner took it back, as CloudFormation does (apprunner-roadmap#209)."""
    service = _services[former]
    service.deploy(properties)
    return former, _attributes(service)


def _delete(former: str, _: Properties) -> None:
    service = _services.get(former)
    if service is None:
        return
    service.delete()
    poll.until(f"{service.title} has ended", lambda: service.ended, seconds=GONE)
    _services.pop(former, None)


def _attributes(service: RunnerService) -> dict[str, Any]:
    return {
        "ServiceArn": service.arn,
        "ServiceId": service.identity,
        "ServiceUrl": service.url,
        "Status": RUNNING,
    }


def _url() -> str:
    return f"{fresh(length=10)}.{REGION}.awsapprunner.com"


def _resource(_: str, asked: Mapping[str, Any]) -> str:
    return str(asked.get("ServiceArn") or "*")


async def _handle(_: str, __: str, headers: dict[str, str], body: bytes, ___: dict[str, Any]) -> Answer:
    return _answer(operation(headers), document(body))


def _answer(name: str, asked: Mapping[str, Any]) -> Answer:
    if name == "ListServices":
        return success({"ServiceSummaryList": [service.summary() for service in list(_services.values())]})
    if name in LISTED:
        kind, field = LISTED[name]
        return success({field: [each.attributes for each in recorded(PREFIX + kind)]})
    service = _services.get(asked.get("ServiceArn", ""))
    if service is None:
        return failure("ResourceNotFoundException", f"no service {asked.get('ServiceArn')}")
    if name == "DescribeService":
        return success({"Service": service.described()})
    if name == "ListOperations":
        return success({"OperationSummaryList": list(service.operations)})
    return failure("InvalidRequestException", f"the twin lacks {name}")
