"""How rules word numbers."""

from __future__ import annotations


def number(value: float) -> str:
    """Four significant digits, or whole numbers with separators where they are large; no sign before a zero."""
    return f"{value:z.4g}" if abs(value) < 1000.0 else f"{value:,.0f}"


def percent(share: float) -> str:
    return f"{share * 100:g} %"


def bounds(low: float, high: float, confidence: float) -> str:
    return f"between {number(low)} and {number(high)} (each bound at {percent(confidence)})"
