"""A decision as one page without links, scripts or styles of others, for whoever has to say yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from ml.core.bootstrap import Interval
from ml.core.record import Decision
from ml.io import tags
from ml.io.registry import Version

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #999;padding:.3rem .7rem;text-align:left}"
    ".promote,.ok{color:#060}.reject,.no{color:#900}"
)
VERDICTS = {"promote": "may be released", "reject": "may not be released"}


def decision_page(version: Version, decision: Decision) -> str:
    """HTML; every value is escaped, for reasons and sources are texts that anyone may write."""
    title = escape(f"{decision.problem}: version {version.number} {VERDICTS[decision.verdict]}")
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>',
            f'<h1 class="{decision.verdict}">{title}</h1><p>{escape(decision.reason)}</p>',
            "<h2>Metrics</h2>",
            _metrics(decision),
            f"<p>{decision.rows.used:,} held-out rows. {escape(decision.method)}</p>",
            "<h2>Checks</h2>",
            _checks(decision),
            "<h2>Record</h2>",
            _table((name, value) for name, value in _record(version, decision).items() if value),
            "</html>\n",
        ]
    )


def _metrics(decision: Decision) -> str:
    models = {"challenger": decision.challenger, "champion": decision.champion}
    judged = {f"{role} (version {model.version})": model.metrics for role, model in models.items() if model}
    rows = [(name, *(_interval(metrics, name) for metrics in judged.values())) for name in decision.challenger.metrics]
    return _table(rows, head=("metric", *judged))


def _checks(decision: Decision) -> str:
    marks = {True: '<td class="ok">passed</td>', False: '<td class="no">failed</td>'}
    rows = (f"<tr>{marks[each.passed]}{_cells((each.rule, each.text))}</tr>" for each in decision.reasons)
    return f"<table>{''.join(rows)}</table>"


def _record(version: Version, decision: Decision) -> Mapping[str, str | None]:
    return {
        "judged": decision.decided_at.isoformat(timespec="seconds"),
        "trained": version.created.isoformat(timespec="seconds"),
        "trained because of": version.tags.get(tags.REASON),
        "data": version.tags.get(tags.SOURCE),
        "commit": version.tags.get(tags.GIT_COMMIT),
        "bundle": version.digest,
        "released": version.released_at,
        "released by": version.tags.get(tags.RELEASED_BY),
        "taken out": version.rolled_back,
    }


def _interval(metrics: Mapping[str, Interval], name: str) -> str:
    found = metrics.get(name)
    return "" if found is None else f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"


def _table(rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>"


def _cells(values: Iterable[str | None]) -> str:
    return "".join(f"<td>{escape(value or '')}</td>" for value in values)
