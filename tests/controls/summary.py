"""The table of controls and rates at the end of a run; it travels in the reports, so it is whole under xdist too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CONTROL, RATE = "control", "rate"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    controls, rates = sorted(_recorded(terminalreporter, CONTROL)), sorted(_recorded(terminalreporter, RATE))
    if controls:
        terminalreporter.section("negative controls")
        for line in control_lines(controls):
            terminalreporter.write_line(line)
    if rates:
        terminalreporter.section("how often a challenger passes the whole gate")
        for line in rate_lines(rates):
            terminalreporter.write_line(line)


def control_lines(controls: list[list[Any]]) -> Iterator[str]:
    """One line each: the challenger, the rules that must refuse it, the verdict and the sentence."""
    rows = [("challenger", "expected", "verdict", "reason")]
    rows += [
        (name, _short(rules) or "accepted", f"{verdict}ed".replace("ee", "e"), said)
        for _, name, rules, verdict, said in controls
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  ".join([*(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)), row[3]])


def rate_lines(rates: list[list[Any]]) -> Iterator[str]:
    """One line each; the share of lower bounds above zero is what the gain's rule alone would let pass."""
    for _, name, true_gain, repetitions, passed, above_zero, allowed in rates:
        bound = "power" if allowed is None else f"at most {allowed:.1%} allowed"
        yield f"{name} (true gain {true_gain:+.4f})"
        yield (
            f"    {passed} of {repetitions} pass, {passed / repetitions:.1%}; {bound}; "
            f"lower bound above zero in {above_zero / repetitions:.1%}"
        )


def _short(rules: str) -> str:
    first, *others = rules.split(", ")
    return f"{first} and {len(others)} more" if len(others) > 2 else rules


def _recorded(terminalreporter: Any, name: str) -> Iterator[list[Any]]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", ()):
                if key == name and getattr(report, "when", "") == "call":
                    yield value
