"""A decision as one page without links, scripts or styles of others, for whoever has to say yes."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml.core.metrics import greater_is_better
from ml.core.record import Decision, read_record, record_bytes
from ml.page import attention, charts, formats, pictures, tables, words
from service import bundle

FOLDER = Path(__file__).parent


def decision_page(decision: Decision) -> str:
    """HTML that says whether a version may be released, why, what changes for whom and what to look at.

    Every text of the record is escaped, for reasons, sources and levels are texts that anyone may write; the page's
    policy allows its own style and nothing else. It is made of the record's own bytes, so that the page of a decision
    is the same before and after it was stored.
    """
    record = record_bytes(decision)
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            decision=read_record(record),
            record_sha256=bundle.sha256(record),
            style=Markup(style),  # noqa: S704 - our own file
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        attention=attention,
        charts=charts,
        formats=formats,
        greater_is_better=greater_is_better,
        pictures=pictures,
        tables=tables,
        words=words,
    )
    return environment
