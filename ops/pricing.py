"""What the resources of a template cost in a month in which nobody asks for anything. Pure: templates in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.values import flat
from stacks.constructs.collector import NAME as COLLECTOR

CUSTOM = "Custom::"
"""A call of a function, when the stack changes."""


class UnknownPriceError(Exception):
    """A resource may cost money and nobody said how much; the message names it and where to say so."""


@dataclass(frozen=True)
class Line:
    """What one resource costs in a month, in USD; `what` groups lines of a kind."""

    what: str
    resource: str
    usd: float


@dataclass(frozen=True)
class Context:
    """The price table, and the template that a resource refers into."""

    prices: Mapping[str, Any]
    resources: Mapping[str, Any]

    def hourly(self, *path: str) -> float:
        return self._price("hourly", *path) * float(self.prices["hours"])

    def monthly(self, name: str) -> float:
        return self._price("monthly", name)

    def assumed(self, name: str) -> float:
        return self._price("assumed", name)

    def referred(self, value: Any) -> Mapping[str, Any]:
        """The properties of the resource that a value refers to; none when it lies elsewhere."""
        name = flat(value).strip("${}").partition(".")[0]
        properties: Mapping[str, Any] = self.resources.get(name, {}).get("Properties", {})
        return properties

    def _price(self, *path: str) -> float:
        found: Any = self.prices
        for key in path:
            if key not in found:
                raise UnknownPriceError(f"no price of {' '.join(path)}; add it to ops/prices.yaml")
            found = found[key]
        return float(found)


Priced = Iterator[tuple[str, float]]
Rule = Callable[[Mapping[str, Any], Context], Priced]


def price(template: Mapping[str, Any], prices: Mapping[str, Any]) -> list[Line]:
    """The lines of a template, as if an image were released. Raises UnknownPriceError for a type of no known price."""
    context = Context(prices, template["Resources"])
    lines = []
    for name, resource in template["Resources"].items():
        kind = resource["Type"]
        if kind in prices["free"] or kind in prices["by_use"] or kind.startswith(CUSTOM):
            continue
        if (rule := RULES.get(kind)) is None:
            raise UnknownPriceError(
                f"nobody said what {name} costs; name {kind} in ops/prices.yaml if it is free, else in ops/pricing.py"
            )
        lines += [Line(what, name, usd) for what, usd in rule(resource.get("Properties", {}), context) if usd]
    return lines


def _instance(properties: Mapping[str, Any], at: Context) -> Priced:
    kind = properties.get("InstanceType") or _launched(properties, at).get("InstanceType")
    yield "NAT instance", at.hourly("instance", str(kind)) + at.assumed("disk_gb") * at.monthly("disk")
    interfaces = properties.get("NetworkInterfaces", [])
    if any(each.get("AssociatePublicIpAddress") for each in interfaces):
        yield "public addresses", at.hourly("address")


def _launched(properties: Mapping[str, Any], at: Context) -> Mapping[str, Any]:
    template = properties.get("LaunchTemplate", {})
    data: Mapping[str, Any] = at.referred(template.get("LaunchTemplateId", "")).get("LaunchTemplateData", {})
    return data


def _balancer(properties: Mapping[str, Any], at: Context) -> Priced:
    yield "load balancer", at.hourly("balancer")
    if properties.get("Scheme") == "internet-facing":
        yield "public addresses", len(properties["Subnets"]) * at.hourly("address")


def _endpoint(properties: Mapping[str, Any], at: Context) -> Priced:
    if properties.get("VpcEndpointType", "Gateway") == "Interface":
        yield "interface endpoints", len(properties["SubnetIds"]) * at.hourly("interface_endpoint")


def _tasks(properties: Mapping[str, Any], at: Context) -> Priced:
    """Fargate, by CPU and memory of the task; spot where the first choice of capacity is."""
    task = at.referred(properties["TaskDefinition"])
    count = int(flat(properties.get("DesiredCount", 1)))
    chip = task.get("RuntimePlatform", {}).get("CpuArchitecture", "X86_64")
    cpu = int(task["Cpu"]) / 1024 * at.hourly("fargate_cpu", chip)
    memory = int(task["Memory"]) / 1024 * at.hourly("fargate_memory", chip)
    strategy = properties.get("CapacityProviderStrategy", [])
    spot = bool(strategy) and all(each["CapacityProvider"] == "FARGATE_SPOT" for each in strategy if each.get("Weight"))
    share = float(at.prices["spot"]) if spot else 1.0
    yield "Fargate, spot" if spot else "Fargate", count * (cpu + memory) * share
    network = properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
    if network.get("AssignPublicIp") == "ENABLED":
        yield "public addresses", count * at.hourly("address")
    if any(each["Name"] == COLLECTOR for each in task.get("ContainerDefinitions", [])):
        yield "Prometheus", count * at.assumed("prometheus_million") * at.monthly("prometheus_million")
    if properties.get("ServiceRegistries"):
        yield "service discovery", count * at.monthly("discovered")
    cluster = at.referred(properties["Cluster"])
    if any(setting["Value"] in {"enabled", "enhanced"} for setting in cluster.get("ClusterSettings", [])):
        yield "container insights", at.assumed("insight_metrics") * at.monthly("metric")


def _app_runner(properties: Mapping[str, Any], at: Context) -> Priced:
    """Instances that wait cost their memory; their CPU costs while they answer."""
    scaling = at.referred(properties.get("AutoScalingConfigurationArn", ""))
    memory = int(properties["InstanceConfiguration"]["Memory"]) / 1024
    yield "App Runner", int(scaling.get("MinSize", 1)) * memory * at.hourly("apprunner_memory")


def _database(properties: Mapping[str, Any], at: Context) -> Priced:
    copies = 2 if properties.get("MultiAZ") else 1
    instance = at.hourly("database", str(properties["DBInstanceClass"]).removeprefix("db."))
    storage = int(properties["AllocatedStorage"]) * at.monthly("database_storage")
    yield "database, two zones" if copies == 2 else "database", copies * (instance + storage)


def _alarm(properties: Mapping[str, Any], at: Context) -> Priced:
    looked_at = sum("MetricStat" in metric for metric in properties.get("Metrics", [])) or 1
    yield "alarms", looked_at * at.monthly("alarm")


def _each(what: str, usd: Callable[[Context], float]) -> Rule:
    return lambda _, at: iter([(what, usd(at))])


RULES: dict[str, Rule] = {
    "AWS::AppRunner::Service": _app_runner,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _each("dashboard", lambda at: at.monthly("dashboard")),
    "AWS::EC2::EIP": _each("public addresses", lambda at: at.hourly("address")),
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::NatGateway": _each("NAT gateway", lambda at: at.hourly("nat_gateway")),
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::ECR::Repository": _each("images", lambda at: at.assumed("image_gb") * at.monthly("images")),
    "AWS::ECS::Service": _tasks,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::Grafana::Workspace": _each(
        "Grafana", lambda at: at.assumed("grafana_editors") * at.monthly("grafana_editor")
    ),
    "AWS::KMS::Key": _each("keys", lambda at: at.monthly("key")),
    "AWS::Logs::LogGroup": _each("logs", lambda at: at.assumed("log_gb") * at.monthly("logs")),
    "AWS::RDS::DBInstance": _database,
    "AWS::S3::Bucket": _each("objects", lambda at: at.assumed("object_gb") * at.monthly("objects")),
    "AWS::SecretsManager::Secret": _each("secrets", lambda at: at.monthly("secret")),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _each("private zone", lambda at: at.monthly("zone")),
}
