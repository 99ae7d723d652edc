"""Dots with their intervals, one below the other on one axis, against the lines that the policy draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.page import formats
from ml.page.drawing import WIDTH, Canvas, Picture, Scale, beside, cut, x_axis

_ROW = 36.0
_EDGE = 10.0


@dataclass(frozen=True)
class Row:
    """A value with its bounds; `role` gives the mark its shape and colour, `shown` is the value as text."""

    label: str
    shown: str
    value: float
    low: float
    high: float
    role: str = "challenger"


@dataclass(frozen=True)
class Line:
    """A vertical line with its name above; `zero` lines are solid, bounds dashed."""

    at: float
    label: str = ""
    kind: str = "bound"


@dataclass(frozen=True)
class Shade:
    """Where the policy does not want a value to be; an open end reaches to the picture's edge."""

    low: float | None = None
    high: float | None = None


def strips(
    key: str,
    rows: Sequence[Row],
    *,
    lines: Sequence[Line] = (),
    shades: Sequence[Shade] = (),
    title: str,
    description: str,
    axis: str = "",
    label: Callable[[float], str] = formats.compact,
) -> Picture:
    """One picture of rows on a common axis that holds every value, bound and line."""
    canvas = Canvas()
    values = [each for row in rows for each in (row.low, row.value, row.high)] + [line.at for line in lines]
    scale = Scale.around(values, _EDGE, WIDTH - _EDGE)
    named = [line for line in lines if line.label]
    top = 6.0 + 16.0 * len(named)
    bottom = top + _ROW * len(rows) + 4.0
    for shade in shades:
        start = scale.start - _EDGE if shade.low is None else scale(shade.low)
        stop = scale.stop + _EDGE if shade.high is None else scale(shade.high)
        canvas.rect(start, top, stop - start, bottom - top, "shade")
    below = x_axis(canvas, scale, bottom, top=top, title=axis, label=label)
    for place, line in enumerate(named):
        x, y = scale(line.at), 12.0 + 16.0 * place
        canvas.line(x, y + 3.0, x, bottom, line.kind)
        canvas.text(x, y, line.label, "note", beside(x, line.label))
    for line in lines:
        if not line.label:
            canvas.line(scale(line.at), top, scale(line.at), bottom, line.kind)
    for place, row in enumerate(rows):
        _row(canvas, row, scale, top + _ROW * place)
    return canvas.picture(key, bottom + below, title, description)


def _row(canvas: Canvas, row: Row, scale: Scale, y: float) -> None:
    room = WIDTH - 14.0 - 6.6 * len(row.shown)
    canvas.text(4.0, y + 14.0, cut(row.label, room), "label halo")
    canvas.text(WIDTH - 4.0, y + 14.0, row.shown, "value halo", "end")
    middle = y + 26.0
    canvas.line(scale(row.low), middle, scale(row.high), middle, f"whisker {row.role}")
    for end in (row.low, row.high):
        canvas.line(scale(end), middle - 4.0, scale(end), middle + 4.0, f"whisker {row.role}")
    canvas.point(scale(row.value), middle, row.role)
