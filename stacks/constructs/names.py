"""Construct ids of what a problem has."""

from __future__ import annotations


def pascal(problem: str) -> str:
    """`late_flights` as a construct id: `LateFlights`."""
    return "".join(word.capitalize() for word in problem.split("_"))
