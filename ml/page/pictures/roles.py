"""The two models of a decision, as pictures and tables call them."""

from __future__ import annotations

from ml.core.record import Decision, Judged
from ml.page.charts import Names


def models(decision: Decision) -> list[tuple[str, Judged]]:
    """By role, the champion first as what is there today."""
    champion = [("champion", decision.champion)] if decision.champion else []
    return [*champion, ("challenger", decision.challenger)]


def names(decision: Decision) -> Names:
    by_role = {role: label(role, model) for role, model in models(decision)}
    return Names(by_role["challenger"], by_role.get("champion"))


def label(role: str, model: Judged) -> str:
    return f"{role}, version {model.version}"


def unit(decision: Decision) -> str:
    """The output's unit in brackets, or nothing."""
    found = decision.output.get("unit")
    return f" ({found})" if found else ""
