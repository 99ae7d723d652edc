"""Numbers as a person reads them: few digits, units, true minus signs, and the record's own value behind each."""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, log10

from markupsafe import Markup

from ml.core.bootstrap import Gain, Interval
from ml.core.record import Calibrated

Bounded = Interval | Gain | Calibrated
_LARGE, _SMALL = 1000.0, 1e-4
_MOST_DECIMALS = 10


def number(value: float, digits: int = 4) -> str:
    """A few significant digits; whole numbers with separators where they are large, powers of ten where tiny."""
    if abs(value) >= _LARGE or value == 0.0:
        return fixed(value, 0)
    if abs(value) < _SMALL:
        return minus(f"{value:.2g}")
    return fixed(value, digits - 1 - floor(log10(abs(value))))


def fixed(value: float, decimals: int) -> str:
    """That many decimals at most, without trailing zeros."""
    text = f"{value:z,.{decimals}f}"
    return minus(text.rstrip("0").rstrip(".") if "." in text else text)


def signed(value: float, decimals: int) -> str:
    """With its sign, also where positive, and with every decimal, so that columns line up."""
    return minus(f"{value:+,.{decimals}f}") if round(value, decimals) else f"{0:.{decimals}f}"


def minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def decimals(low: float, high: float) -> int:
    """How many decimals tell an interval: two significant digits of half its width."""
    half = abs(high - low) / 2.0
    return 4 if half == 0.0 else max(0, min(_MOST_DECIMALS, 1 - floor(log10(half))))


def interval(found: Bounded, *, sign: bool = False) -> tuple[str, str, str]:
    """Value, low and high with the same decimals."""
    places = decimals(found.low, found.high)
    values = (found.value, found.low, found.high)
    if sign:
        return tuple(signed(value, places) for value in values)  # type: ignore[return-value]
    return tuple(minus(f"{value:z,.{places}f}") for value in values)  # type: ignore[return-value]


def between(found: Bounded, *, sign: bool = False) -> str:
    value, low, high = interval(found, sign=sign)
    return f"{value} ({low} to {high})"


def percent(share: float, places: int = 1) -> str:
    """A share of one, as a percentage; what is not nothing, or not all, is never shown as that."""
    least = 10.0 ** -(places + 2)
    if 0.0 < share < least:
        return f"below {fixed(100.0 * least, places)} %"
    if 1.0 - least / 2.0 <= share < 1.0:
        return f"above {fixed(100.0 * (1.0 - least), places)} %"
    return f"{fixed(100.0 * share, places)} %"


def chance(p_value: float) -> str:
    """A p-value."""
    return "below 0.001" if p_value < 0.001 else fixed(p_value, 3)


def milliseconds(value: float) -> str:
    return f"{number(value, 3)} ms"


def megabytes(value: float) -> str:
    return f"{number(value, 3)} MB"


def compact(value: float) -> str:
    """For axes: thousands as k, millions as M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scale = 1e3 if letter == "k" else size
            return f"{number(value / scale)}{letter}"
    return number(value)


def moment(when: datetime) -> str:
    at = when.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def data(value: float, text: str) -> Markup:
    """The text with the record's own value beside it, for whoever reads the page with a program."""
    return Markup('<data value="{}">{}</data>').format(repr(value), text)
