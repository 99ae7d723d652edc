"""Dots with their intervals, one below the other on one axis, against the lines that the policy draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.page import formats
from ml.page.drawing import WIDTH, Canvas, Picture, Scale, cut, half_width

_ROW, _BAND, _TEXT = 42.0, 18.0, 17.0
_EDGE = 12.0
_LABEL_ROW = 15.0


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
    """A vertical line with its name below; `zero` lines are solid, bounds dashed."""

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
    """One picture of rows on a common axis that holds every value, bound and line.

    A row is its texts and below them a band with the mark, so that no line runs through a text.
    """
    canvas = Canvas()
    values = [each for row in rows for each in (row.low, row.value, row.high)] + [line.at for line in lines]
    scale = Scale.around(values, _EDGE, WIDTH - _EDGE)
    for place, row in enumerate(rows):
        _row(canvas, row, scale, _ROW * place, lines, shades)
    bottom = _ROW * len(rows) - _ROW + _TEXT + _BAND
    bottom += _axis(canvas, scale, bottom, lines, label)
    if axis:
        canvas.text(WIDTH / 2.0, bottom + 14.0, axis, "axis", "middle")
        bottom += 18.0
    return canvas.picture(key, bottom + 2.0, title, description)


def _row(canvas: Canvas, row: Row, scale: Scale, y: float, lines: Sequence[Line], shades: Sequence[Shade]) -> None:
    canvas.text(1.0, y + 12.0, cut(row.label, WIDTH - 12.0 - 2.0 * half_width(row.shown)))
    canvas.text(WIDTH - 1.0, y + 12.0, row.shown, f"value {row.role}", "end")
    top, bottom = y + _TEXT, y + _TEXT + _BAND
    canvas.rect(0.0, top, WIDTH, _BAND, "band")
    for shade in shades:
        start = 0.0 if shade.low is None else scale(shade.low)
        stop = WIDTH if shade.high is None else scale(shade.high)
        canvas.rect(start, top, stop - start, _BAND, "shade")
    for line in lines:
        canvas.line(scale(line.at), top, scale(line.at), bottom, line.kind)
    middle = (top + bottom) / 2.0
    canvas.line(scale(row.low), middle, scale(row.high), middle, f"whisker {row.role}")
    for end in {row.low, row.high} - {row.value}:
        canvas.line(scale(end), middle - 4.0, scale(end), middle + 4.0, f"whisker {row.role}")
    canvas.point(scale(row.value), middle, row.role)


def _axis(canvas: Canvas, scale: Scale, y: float, lines: Sequence[Line], label: Callable[[float], str]) -> float:
    """The lines' names, and the ticks that leave them room; gives back the height."""
    taken: list[tuple[int, float, float]] = []
    for line in lines:
        if line.label:
            taken.append(_named(canvas, scale(line.at), y, line, taken))
    for tick in scale.ticks():
        half = half_width(label(tick))
        x = min(max(scale(tick), half), WIDTH - half)
        if _free(taken, 0, x - half, x + half):
            canvas.line(scale(tick), y, scale(tick), y + 3.0, "tickmark")
            canvas.text(x, y + 14.0, label(tick), "tick", "middle")
    return 4.0 + _LABEL_ROW * (1 + max((place for place, _, _ in taken), default=0))


def _named(
    canvas: Canvas, at: float, y: float, line: Line, taken: Sequence[tuple[int, float, float]]
) -> tuple[int, float, float]:
    """Write a line's name below it, in the first row that has room; gives back the row and the room it took."""
    half = 1.25 * half_width(line.label)
    x = min(max(at, half), WIDTH - half)
    place = next(row for row in range(len(taken) + 1) if _free(taken, row, x - half, x + half))
    canvas.line(at, y, at, y + 3.0 + _LABEL_ROW * place, f"{line.kind} lead")
    canvas.text(x, y + 14.0 + _LABEL_ROW * place, line.label, f"name {line.kind}-name", "middle")
    return place, x - half, x + half


def _free(taken: Sequence[tuple[int, float, float]], place: int, low: float, high: float) -> bool:
    return all(row != place or high < start - 4.0 or low > stop + 4.0 for row, start, stop in taken)
