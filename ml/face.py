"""The command line's face: tables and sentences for a person, or one JSON document."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ml.io import tags

if TYPE_CHECKING:
    # Reports are of finished work; what did the work need not be loaded to print it.
    from ml.io.registry import Rollback, Version
    from ml.loop import Trained
    from ml.predict import Predicted
    from ml.problem import Problem
    from ml.reproduce import Reproduction
    from service.schema import Schema

MARKS = {tags.CHAMPION: "bold green", tags.CHALLENGER: "yellow", tags.PREVIOUS: "dim"}


class Face:
    """Prints results; `json` prints the same facts for machines, `hints` says what to type next."""

    def __init__(self, *, json: bool = False, hints: bool = True) -> None:
        self._json = json
        self._hints = hints
        self._console = Console(highlight=False, soft_wrap=True)

    def trained(self, problem: Problem, trained: Trained) -> None:
        version = trained.version
        document = _version(version) | {"problem": problem.name, "reused": trained.reused}
        if self._emit(document):
            return
        metric = problem.gate.metric
        value, low, high = (version.metrics.get(name) for name in (metric, f"{metric}_low", f"{metric}_high"))
        what = "unchanged, already registered" if trained.reused else "trained and registered"
        self._say(f"[bold]{problem.name}[/] version {version.number} ({version.digest[:12]}) {what}")
        if value is not None and low is not None and high is not None:
            self._say(f"  {metric} {value:.4f} on held-out rows ({low:.4f} to {high:.4f})")
        if tags.CHAMPION not in version.aliases:
            self._next(f"evergreen prove {problem.name}")

    def rolled_back(self, problem: Problem, rollback: Rollback) -> None:
        champion, out = rollback.champion, rollback.taken_out
        document = {"problem": problem.name, "champion": _version(champion), "taken_out": _version(out)}
        if self._emit(document):
            return
        self._say(f"[bold]{problem.name}[/]: version {champion.number} ({champion.digest[:12]}) is served again")
        self._say(f"  version {out.number} was taken out: {escape(out.rolled_back or '')}")
        self._next(f"evergreen rollback {problem.name}", why="undoes this")

    def status(self, versions: Sequence[tuple[Problem, tuple[Version, ...]]]) -> None:
        if self._emit({problem.name: [_version(version) for version in found] for problem, found in versions}):
            return
        for problem, found in versions:
            if not found:
                self._say(f"[bold]{problem.name}[/]: nothing registered yet")
                self._next(f"evergreen train {problem.name}")
                continue
            metric = problem.gate.metric
            table = Table(title=problem.name)
            for column in ("version", "alias", "digest", metric, "registered", "released"):
                table.add_column(column, no_wrap=True)
            table.add_column("note")
            for version in found:
                table.add_row(*_row(version, metric), style="" if version.aliases else "dim")
            self._console.print(table)

    def predicted(self, predicted: Predicted) -> None:
        version = predicted.version
        model = {"name": version.name, "version": str(version.number), "digest": version.digest}
        outputs = [_output(predicted.schema, output) for output in predicted.outputs]
        if self._emit({"predictions": outputs, "model": model}):
            return
        self._say(f"[bold]{version.name}[/] version {version.number} ({version.digest[:12]})")
        for number, output in enumerate(outputs, start=1):
            self._say(f"  row {number}: " + ", ".join(f"{name} {value:.6g}" for name, value in output.items()))

    def serving(self, problem: Problem, host: str, port: int) -> None:
        row = shlex.quote(json.dumps(problem.schema_.example))
        self._say(f"\nServing [bold]{problem.name}[/] at http://{host}:{port} (Ctrl-C ends it). Try:\n")
        self._console.print(
            f"  curl -s http://{host}:{port}/predict -H 'content-type: application/json' -d {row}\n",
            markup=False,
        )

    def reproduced(self, result: Reproduction) -> None:
        version = result.version
        document = {
            "problem": version.name,
            "version": version.number,
            "registered": version.digest,
            "reproduced": result.digest,
            "same": result.same,
            "same_environment": result.same_environment,
        }
        if self._emit(document):
            return
        verdict = "[bold green]the same bundle[/]" if result.same else "[bold red]another bundle[/]"
        self._say(f"{version.name} version {version.number}: retraining gave {verdict}")
        self._say(f"  registered {version.digest}\n  reproduced {result.digest}")
        if not result.same_environment:
            self._say("  the locked environment is not the one that this version was trained in")

    def _emit(self, document: Mapping[str, Any]) -> bool:
        if self._json:
            print_json(document)
        return self._json

    def _say(self, markup: str) -> None:
        self._console.print(markup)

    def _next(self, command: str, why: str = "") -> None:
        if self._hints:
            self._say(f"  next: [cyan]{command}[/]{f' ({why})' if why else ''}")


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False, default=str) + "\n")


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "digest": version.digest,
        "aliases": list(version.aliases),
        "created": version.created.isoformat(),
        "released_at": version.released_at,
        "rolled_back": version.rolled_back,
        "rejected": version.rejected,
        "run_id": version.run_id,
        "metrics": dict(version.metrics),
    }


def _row(version: Version, metric: str) -> list[str]:
    aliases = ", ".join(f"[{MARKS[alias]}]{alias}[/]" for alias in version.aliases if alias in MARKS)
    value = version.metrics.get(metric)
    measured = "" if value is None else f"{value:.4f}"
    released = "" if version.released_at is None else _minute(datetime.fromisoformat(version.released_at))
    marks = {"taken out": version.rolled_back, "rejected": version.rejected}
    note = escape("; ".join(f"{what} {mark}" for what, mark in marks.items() if mark))
    return [str(version.number), aliases, version.digest[:8], measured, _minute(version.created), released, note]


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%m-%d %H:%M")


def _output(schema: Schema, output: float) -> dict[str, Any]:
    if schema.task == "binary":
        return {"prediction": int(output >= schema.output.threshold), "probability": output}
    return {"prediction": output}
