"""Synthesises every environment with every target and holds the result against the rules."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cdk_app.environments import ENVIRONMENTS
from ops.assembly import OUTPUT, Assembly, Finding, synthesise_all
from ops.excuses import excused
from ops.policies import wildcards
from ops.templates import lint

BROKEN = 1

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def synth(
    output: Annotated[Path, typer.Option(help="Where the assemblies go.")] = OUTPUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print what each assembly holds; exit with 1 when a rule is broken."""
    assemblies = list(synthesise_all(output, checked=True))
    broken = [finding for assembly in assemblies for finding in _broken(assembly)]
    broken += lint(path for assembly in assemblies for path in assembly.files.values())
    if as_json:
        document = {"assemblies": [_document(each) for each in assemblies], "broken": [asdict(each) for each in broken]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _show(assemblies, broken)
    if broken:
        raise typer.Exit(BROKEN)


def _broken(assembly: Assembly) -> Iterator[Finding]:
    if assembly.error:
        yield Finding("synth", assembly.name, assembly.error)
        return
    for pack in _packs(assembly) - set(assembly.packs):
        yield Finding("synth", assembly.name, f"the rules of {pack} were not applied")
    for finding in assembly.findings:
        yield Finding(finding.rule, f"{assembly.name}: {finding.where}", finding.words)
    for stack, template in assembly.templates.items():
        for each in wildcards(template):
            if each.avoidable and not excused(stack, each):
                yield Finding(
                    "wildcard", f"{assembly.name}: {stack}/{each.holder}", f"{each.action} on {each.resource}"
                )


def _packs(assembly: Assembly) -> set[str]:
    return {"AwsSolutions", "NIST.800.53.R5"} if ENVIRONMENTS[assembly.environment].nist else {"AwsSolutions"}


def _document(assembly: Assembly) -> dict[str, Any]:
    return {
        "environment": assembly.environment,
        "target": assembly.target,
        "packs": assembly.packs,
        "resources": {stack: len(template["Resources"]) for stack, template in assembly.templates.items()},
        "acknowledged": assembly.acknowledged,
        "wildcards": [
            {"stack": stack, **asdict(each), "why": excused(stack, each) or "the service knows no narrower resource"}
            for stack, template in assembly.templates.items()
            for each in wildcards(template)
        ],
    }


def _show(assemblies: Sequence[Assembly], broken: Sequence[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.width = max(console.width, 110)
    documents = {assembly.name: _document(assembly) for assembly in assemblies}
    table = Table("stack", title="Resources, and acknowledged findings in brackets")
    for name in documents:
        table.add_column(name.replace("-", "\n"), justify="right")
    stacks = dict.fromkeys(stack for document in documents.values() for stack in document["resources"])
    acknowledged = {name: _by_stack(document["acknowledged"]) for name, document in documents.items()}
    for stack in stacks:
        cells = [
            _cell(document["resources"].get(stack), acknowledged[name][stack]) for name, document in documents.items()
        ]
        table.add_row(stack, *cells)
    table.add_section()
    for label, key in (("acknowledgements", "acknowledged"), ("wildcard permissions", "wildcards")):
        table.add_row(label, *(str(len(document[key])) for document in documents.values()))
    table.add_row("all resources", *(str(sum(document["resources"].values())) for document in documents.values()))
    console.print(table)
    for finding, where in _gathered(broken).items():
        console.print(f"{finding.rule}  {finding.where}  ({where})\n    {finding.words}", style="red", markup=False)
    console.print(f"{len(broken)} findings" if broken else "Nothing breaks a rule.")


def _gathered(broken: Sequence[Finding]) -> dict[Finding, str]:
    """The same finding of several assemblies once, with their names."""
    found: dict[Finding, list[str]] = {}
    for finding in broken:
        name, _, where = finding.where.rpartition(": ")
        found.setdefault(Finding(finding.rule, where.partition("/")[2], finding.words), []).append(name)
    return {finding: ", ".join(names) for finding, names in found.items()}


def _by_stack(acknowledged: Sequence[dict[str, str]]) -> Counter[str]:
    answered: Counter[str] = Counter()
    for each in acknowledged:
        answered[each["where"].split("/")[1]] += int(each["findings"])
    return answered


def _cell(resources: int | None, answered: int) -> str:
    if resources is None:
        return ""
    return f"{resources} ({answered})" if answered else str(resources)


if __name__ == "__main__":
    app()
