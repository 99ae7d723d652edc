"""What would be left of a stack after `cdk destroy`, read from its template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ops.values import flat

Resources = Mapping[str, Any]
SNAPSHOT_BY_DEFAULT = {"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"}


def leftovers(template: Mapping[str, Any]) -> list[str]:
    """Each resource that would stay, keep others from going, or write to a log group that no stack owns."""
    resources: Resources = template["Resources"]
    found = []
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        reasons = [*_policies(resource), *CHECKS.get(resource["Type"], _nothing)(name, properties, resources)]
        found += [f"{name}: {reason}" for reason in reasons]
    return found


def _policies(resource: Mapping[str, Any]) -> Iterator[str]:
    default = "Snapshot" if resource["Type"] in SNAPSHOT_BY_DEFAULT else "Delete"
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(policy, default) != "Delete":
            yield f"{policy} is {resource.get(policy, default)}"


def _nothing(_name: str, _properties: Mapping[str, Any], _all: Resources) -> Iterator[str]:
    return iter(())


def _bucket(name: str, _properties: Mapping[str, Any], every: Resources) -> Iterator[str]:
    emptied = [
        flat(each["Properties"].get("BucketName"))
        for each in every.values()
        if each["Type"] == "Custom::S3AutoDeleteObjects"
    ]
    if f"${{{name}}}" not in emptied:
        yield "nobody empties the bucket"


def _database(_name: str, properties: Mapping[str, Any], every: Resources) -> Iterator[str]:
    if properties.get("DeletionProtection"):
        yield "deletion protection"
    if properties.get("DeleteAutomatedBackups") is False:
        yield "backups outlive the database"
    for kind in properties.get("EnableCloudwatchLogsExports", []):
        yield from _unowned({"Ref": kind}, every)
    if properties.get("MonitoringInterval"):
        yield "host metrics go to the group RDSOSMetrics"


def _function(_name: str, properties: Mapping[str, Any], every: Resources) -> Iterator[str]:
    yield from _unowned(properties.get("LoggingConfig", {}).get("LogGroup"), every)


def _project(_name: str, properties: Mapping[str, Any], every: Resources) -> Iterator[str]:
    logs = properties.get("LogsConfig", {}).get("CloudWatchLogs", {})
    yield from _unowned(logs.get("GroupName"), every)


def _task(_name: str, properties: Mapping[str, Any], every: Resources) -> Iterator[str]:
    for container in properties["ContainerDefinitions"]:
        driver = container.get("LogConfiguration", {})
        if driver.get("LogDriver") == "awslogs":
            yield from _unowned(driver["Options"].get("awslogs-group"), every)
        elif driver:
            yield f"logs through {driver['LogDriver']}"


def _cluster(_name: str, properties: Mapping[str, Any], _all: Resources) -> Iterator[str]:
    if any(setting["Value"] != "disabled" for setting in properties.get("ClusterSettings", [])):
        yield "container insights make a group of their own"


def _app_runner(name: str, _properties: Mapping[str, Any], every: Resources) -> Iterator[str]:
    customs = [each["Properties"] for each in every.values() if each["Type"] == "Custom::AppRunnerLogs"]
    retained = any(
        f"${{{name}." in flat(each.get("Service")) or f"${{{name}" in flat(each.get("Service")) for each in customs
    )
    swept = any("Sweep" in each for each in customs)
    if not (retained and swept):
        yield "nobody deletes the groups that App Runner makes"


def _repository(_name: str, properties: Mapping[str, Any], _all: Resources) -> Iterator[str]:
    if not properties.get("EmptyOnDelete"):
        yield "a repository with images cannot be deleted"


def _table(_name: str, properties: Mapping[str, Any], _all: Resources) -> Iterator[str]:
    if properties.get("DeletionProtectionEnabled"):
        yield "deletion protection"


def _balancer(_name: str, properties: Mapping[str, Any], _all: Resources) -> Iterator[str]:
    for attribute in properties.get("LoadBalancerAttributes", []):
        if (attribute["Key"], attribute["Value"]) == ("deletion_protection.enabled", "true"):
            yield "deletion protection"


def _unowned(group: Any, every: Resources) -> Iterator[str]:
    """Owned is a group of the same stack: it goes after whatever writes to it."""
    name = flat(group).strip("${}").partition(".")[0]
    named = {
        flat(each["Properties"].get("LogGroupName")) for each in every.values() if each["Type"] == "AWS::Logs::LogGroup"
    }
    if every.get(name, {}).get("Type") != "AWS::Logs::LogGroup" and flat(group) not in named - {"None"}:
        yield f"logs to {flat(group)}, a group that the stack does not own"


CHECKS: dict[str, Callable[[str, Mapping[str, Any], Resources], Iterator[str]]] = {
    "AWS::AppRunner::Service": _app_runner,
    "AWS::CodeBuild::Project": _project,
    "AWS::DynamoDB::Table": _table,
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::TaskDefinition": _task,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::Lambda::Function": _function,
    "AWS::RDS::DBInstance": _database,
    "AWS::S3::Bucket": _bucket,
}
