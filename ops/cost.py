"""Estimates what each environment costs a month: what it costs to wait, and what a million predictions add."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from cdk_app.config import Environment
from cdk_app.environments import DEV, ENVIRONMENTS
from ops.assembly import TARGETS
from ops.demand import million
from ops.pricing import Line, UnknownPriceError, price
from ops.variants import Templates, changed, choices, synthesised

PRICES = Path(__file__).with_name("prices.yaml")
BROKEN = 1
GIVEN = "given to every account"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Estimate:
    """USD a month by what costs them, and USD a million predictions."""

    name: str
    idle: Mapping[str, float]
    million: float

    @property
    def total(self) -> float:
        return sum(self.idle.values())


def read_prices(path: Path = PRICES) -> dict[str, Any]:
    prices: dict[str, Any] = yaml.safe_load(path.read_text())
    return prices


def estimate(name: str, templates: Templates, prices: Mapping[str, Any]) -> Estimate:
    """As if an image were released. Raises UnknownPriceError."""
    idle = _grouped(line for template in templates.values() for line in price(template, prices))
    given = sum(min(idle.get(what, 0.0), most) for what, most in prices["given"].items())
    if given:
        idle[GIVEN] = -given
    return Estimate(name, idle, sum(line.usd for line in million(templates.values(), prices)))


def estimates(environments: Mapping[str, Environment], prices: Mapping[str, Any]) -> list[Estimate]:
    found = synthesised(environments.values())
    return [estimate(name, templates, prices) for name, templates in zip(environments, found, strict=True)]


def with_each_target(environments: Iterable[Environment]) -> dict[str, Environment]:
    return {
        f"{environment.name}-{target}": changed(environment, serving=changed(environment.serving, target=target))
        for environment in environments
        for target in TARGETS
    }


@app.command()
def cost(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Print the estimate of every environment with every target, and what DEV's choices would change."""
    prices = read_prices()
    chosen = with_each_target(ENVIRONMENTS.values())
    otherwise = choices(DEV)
    try:
        every = estimates(chosen | otherwise, prices)
    except UnknownPriceError as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(BROKEN) from None
    shown, others = every[: len(chosen)], every[len(chosen) :]
    (base,) = [each for each in shown if each.name == f"dev-{DEV.serving.target}"]
    if as_json:
        sys.stdout.write(json.dumps(_document(prices, shown, base, others), indent=2) + "\n")
        return
    _show(prices, shown, base, others)


def _grouped(lines: Iterable[Line]) -> dict[str, float]:
    groups: dict[str, float] = defaultdict(float)
    for line in lines:
        groups[line.what] += line.usd
    return dict(sorted(groups.items(), key=lambda item: -item[1]))


def _document(
    prices: Mapping[str, Any], shown: Sequence[Estimate], base: Estimate, others: Sequence[Estimate]
) -> dict[str, Any]:
    return {
        "prices": str(prices["date"]),
        "region": prices["region"],
        "environments": {
            each.name: {
                "idle": round(each.total, 2),
                "million": round(each.million, 2),
                "of": {what: round(usd, 2) for what, usd in each.idle.items()},
            }
            for each in shown
        },
        "choices": {each.name: round(each.total - base.total, 2) for each in others},
    }


def _show(prices: Mapping[str, Any], shown: Sequence[Estimate], base: Estimate, others: Sequence[Estimate]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, 110)
    table = Table("USD a month", title=f"On demand in {prices['region']}, prices of {prices['date']}")
    for each in shown:
        table.add_column(each.name.replace("-", "\n"), justify="right")
    kinds: dict[str, float] = defaultdict(float)
    for each in shown:
        for what, usd in each.idle.items():
            kinds[what] = max(kinds[what], usd)
    for what in sorted(kinds, key=lambda kind: -kinds[kind]):
        table.add_row(what, *(f"{each.idle[what]:.2f}" if what in each.idle else "" for each in shown))
    table.add_section()
    table.add_row("idle", *(f"{each.total:.2f}" for each in shown), style="bold")
    table.add_row("a million predictions", *(f"{each.million:.2f}" for each in shown))
    console.print(table)
    console.print(f"What one choice would change in {base.name}, USD a month:")
    for other in others:
        console.print(f"  {other.total - base.total:+8.2f}  {other.name}", markup=False)
    console.print("Idle: an image is released and nobody asks. Assumptions: ops/prices.yaml.")


if __name__ == "__main__":
    app()
