"""`evergreen explain` and `reproduce`: what drives a version, and where an answer came from."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ml.commands import MENDABLE, REFUSED, version_of
from ml.errors import UserError
from ml.io.workspace import Workspace

if TYPE_CHECKING:
    from ml.explain import Explained, ExplainedRow
    from ml.io.kept import Kept
    from ml.io.registry import Version
    from ml.recompute import Recomputed
    from service.schema import Schema

DAYS = 7
BAR = 24
SHOWN = 10
REQUEST = re.compile(r"[A-Za-z0-9._-]{1,64}")

Which = Annotated[str, typer.Argument(help="A version, such as flights/3.", metavar="PROBLEM/VERSION")]
Row = Annotated[str | None, typer.Option(help="Explain this one prediction.", metavar="JSON")]
What = Annotated[str, typer.Argument(help="A request's id, or a version.", metavar="PREDICTION_ID | PROBLEM/VERSION")]
Since = Annotated[
    str | None, typer.Option(help="Look for a request back to this day; by default a week.", metavar="DAY")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def explain(which: Which, row: Row = None, json: Json = False) -> None:
    """Show what drives a version: SHAP values and partial dependence, or each feature's part in one prediction."""
    from ml.explain import explain_row, explain_version
    from ml.face import print_json

    name, number = version_of(which)
    workspace = Workspace.here()
    workspace.problem(name)
    if row is not None:
        one = explain_row(workspace, name, number, row.encode())
        if json:
            print_json(_row_document(one))
        else:
            _print_row(one)
        return
    found = explain_version(workspace, name, number)
    if json:
        print_json(_document(found.version, found.rows) | {"explanation": found.explanation.model_dump(mode="json")})
    else:
        _print(found)


def reproduce(what: What, since: Since = None, json: Json = False) -> None:
    """Compute a captured answer again, bit for bit; or retrain a version and compare the bundles' digests."""
    if "/" in what:
        _retrain(*version_of(what), json=json)
        return
    if REQUEST.fullmatch(what) is None:
        raise UserError(f"{what!r} is neither a request's id nor a PROBLEM/VERSION")
    from ml.face import print_json
    from ml.recompute import recompute

    found = recompute(Workspace.here(), what, since=_day(since))
    if json:
        print_json(_answer_document(found))
    else:
        _print_answer(found)
    if found.status != "same":
        raise typer.Exit(REFUSED if found.status == "differs" else MENDABLE)


def _retrain(name: str, number: int, *, json: bool) -> None:
    from ml.face import Face
    from ml.reproduce import reproduce as reproduce_version

    workspace = Workspace.here()
    result = reproduce_version(workspace, workspace.problem(name), number)
    Face(json=json).reproduced(result)
    if not result.same:
        raise typer.Exit(REFUSED)


def _day(since: str | None) -> datetime:
    if since is None:
        return datetime.now(UTC) - timedelta(days=DAYS)
    try:
        given = datetime.fromisoformat(since)
    except ValueError as error:
        raise UserError(f"--since {since!r} is no day; write it as YYYY-MM-DD") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _print(found: Explained) -> None:
    explanation = found.explanation
    title = f"{_name(found.version)}, {_unit(found.schema)}, on {explanation.rows} {found.rows}"
    table = _table(title, "feature", ">share", "", ">mean |SHAP|")
    widest = max(effect.share for effect in explanation.effects)
    for effect in explanation.effects:
        size = f"{effect.mean_absolute:.4g}"
        table.add_row(escape(effect.feature), f"{effect.share:.1%}", _bar(effect.share, widest), size)
    console = _console()
    console.print(table)
    console.print(f"mean output of the {explanation.background} background rows: {explanation.base:.4g}")
    for curve in explanation.dependence:
        points = list(zip(curve.outputs, map(str, curve.values), strict=True))
        low, high = min(points), max(points)
        console.print(f"{curve.feature}: from {low[0]:.4g} at {low[1]} to {high[0]:.4g} at {high[1]}", markup=False)


def _print_row(found: ExplainedRow) -> None:
    title = f"{_name(found.version)}: {found.output:.4g} ({_unit(found.schema)})"
    table = _table(title, "feature", ">value", ">part", "")
    largest = max(abs(part.challenger) for part in found.parts)
    for part in found.parts:
        value = f"{part.value:.6g}" if isinstance(part.value, float) else str(part.value)
        bar = f"[{'red' if part.challenger < 0 else 'green'}]{_bar(abs(part.challenger), largest)}[/]"
        shown = "(missing)" if part.value is None else escape(value)
        table.add_row(escape(part.feature), shown, f"{part.challenger:+.4g}", bar)
    console = _console()
    console.print(table)
    console.print(f"the parts and the mean output of {found.rows}, {found.base:.4g}, add up to {found.output:.4g}")


def _row_document(found: ExplainedRow) -> dict[str, Any]:
    parts = [{"feature": part.feature, "value": part.value, "part": part.challenger} for part in found.parts]
    return _document(found.version, found.rows) | {"output": found.output, "base": found.base, "parts": parts}


def _document(version: Version, rows: str) -> dict[str, Any]:
    return {"problem": version.name, "version": version.number, "digest": version.digest, "rows": rows}


def _print_answer(found: Recomputed) -> None:
    console = _console()
    style = {"same": "bold green", "differs": "bold red", "missing": "yellow"}[found.status]
    console.print(f"[{style}]{found.status}[/]: ", end="")
    console.print(found.said + (f" ({found.way})" if found.way else ""), markup=False)
    if found.problem:
        answered = f"{found.answered_at:%Y-%m-%d %H:%M:%S} UTC" if found.answered_at else ""
        version = "a version" if found.version is None else f"version {found.version}"
        console.print(f"  answered {answered} by {version} of {found.problem} ({found.digest[:12]})", markup=False)
    if found.code is not None:
        known = "known to git here" if found.code.known else "not known to git here"
        more = ", with changes that were not committed" if found.code.dirty else ""
        console.print(f"  code {found.code.commit[:12] or 'unknown'}, {known}{more}", markup=False)
        console.print(f"  data {found.data_digest[:12]}, {_where(found.data)}", markup=False)
    for output in found.outputs[:SHOWN]:
        mark = "=" if output.same else "\N{NOT EQUAL TO}"
        console.print(f"  row {output.index}: {output.captured!r} {mark} {output.recomputed!r}", markup=False)
    if len(found.outputs) > SHOWN:
        console.print(f"  and {len(found.outputs) - SHOWN} more rows")


def _answer_document(found: Recomputed) -> dict[str, Any]:
    outputs = [asdict(output) | {"same": output.same} for output in found.outputs]
    return asdict(found) | {"outputs": outputs}


def _where(data: Kept | None) -> str:
    if data is None:
        return "of which DVC was told nothing"
    remote = {True: "in its remote", False: "not in its remote", None: "its remote cannot be asked"}[data.remote]
    return f"{'in' if data.cache else 'not in'} DVC's cache here, {remote}"


def _unit(schema: Schema) -> str:
    if schema.task == "binary":
        return f"probability of {schema.output.name}"
    return schema.output.unit or schema.output.name


def _name(version: Version) -> str:
    return f"{version.name} version {version.number}"


def _bar(part: float, largest: float) -> str:
    return "\N{FULL BLOCK}" * round(BAR * part / largest) if largest else ""


def _table(title: str, *columns: str) -> Table:
    """Columns whose title begins with > are aligned to the right."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return table


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
