"""Curves, bars and levels of two models in one picture each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.core.record import Bin, Dependence, Histogram
from ml.page import formats
from ml.page.drawing import WIDTH, Canvas, Picture, Scale, cut, x_axis, y_axis
from service.schema import Value

_LEFT, _RIGHT = 46.0, WIDTH - 12.0


@dataclass(frozen=True)
class Names:
    """What the two models are called in a legend."""

    challenger: str
    champion: str | None


def reliability(
    key: str,
    challenger: Sequence[Bin],
    champion: Sequence[Bin],
    *,
    names: Names,
    axes: tuple[str, str],
    title: str,
    description: str,
) -> Picture:
    """What was observed against what was predicted; a model that means what it says lies on the diagonal.

    `axes` are the names of what lies across and what goes up.
    """
    canvas = Canvas()
    top = canvas.legend(names.champion, names.challenger) + 4.0
    bottom = top + 250.0
    values = [each for found in (*challenger, *champion) for each in (found.predicted, found.observed)]
    low = min(0.0, *values)
    x = Scale(low, max(values) * 1.05, _LEFT, _RIGHT)
    y = Scale(x.low, x.high, bottom, top)
    y_axis(canvas, y, _LEFT, right=_RIGHT)
    canvas.text(_LEFT + 4.0, top + 10.0, axes[1], "axis halo")
    below = x_axis(canvas, x, bottom, top=top, title=axes[0])
    canvas.line(x(x.low), y(x.low), x(x.high), y(x.high), "ideal")
    for bins, role in ((champion, "champion"), (challenger, "challenger")):
        points = [(x(found.predicted), y(found.observed)) for found in bins]
        if points:
            canvas.polyline(points, f"curve {role}")
        for at in points:
            canvas.point(*at, role, 3.5)
    return canvas.picture(key, bottom + below, title, description)


def histogram(key: str, found: Histogram, *, axis: str, title: str, description: str) -> Picture:
    """Bars from edge to edge, and a line at no difference."""
    canvas = Canvas()
    top, bottom = 22.0, 190.0
    x = Scale(found.edges[0], found.edges[-1], _LEFT, _RIGHT)
    y = Scale(0.0, max(1.0, max(found.counts) * 1.04), bottom, top)
    y_axis(canvas, y, _LEFT, right=_RIGHT)
    below = x_axis(canvas, x, bottom, top=bottom, title=axis)
    canvas.text(4.0, 12.0, "rows", "axis")
    for low, high, count in zip(found.edges[:-1], found.edges[1:], found.counts, strict=True):
        canvas.rect(x(low) + 0.5, y(count), x(high) - x(low) - 1.0, bottom - y(count), "bar")
    if x.low <= 0.0 <= x.high:
        canvas.line(x(0.0), top - 4.0, x(0.0), bottom, "zero")
        canvas.text(x(0.0), 12.0, "no difference", "note", "middle")
    return canvas.picture(key, bottom + below, title, description)


def dependence(key: str, found: Dependence, *, names: Names, description: str) -> Picture:
    """Numbers as a curve, levels as rows of dots."""
    numbers = [each for each in found.values if isinstance(each, int | float) and not isinstance(each, bool)]
    ordered = not found.levels and len(numbers) == len(found.values) > 1
    draw = _curve if ordered else _levels
    return draw(key, found, names, description)


def _curve(key: str, found: Dependence, names: Names, description: str) -> Picture:
    canvas = Canvas()
    top = canvas.legend(names.champion if found.champion else None, names.challenger, curves=True)
    bottom = top + 130.0
    at = [float(each) for each in found.values if each is not None]
    x = Scale(min(at), max(at), _LEFT, _RIGHT)
    y = Scale.around([*found.outputs, *(found.champion or ())], bottom, top)
    y_axis(canvas, y, _LEFT, right=_RIGHT)
    below = x_axis(canvas, x, bottom, top=bottom)
    for outputs, role in ((found.champion, "champion"), (found.outputs, "challenger")):
        if outputs:
            canvas.polyline([(x(a), y(b)) for a, b in zip(at, outputs, strict=True)], f"curve {role}")
    return canvas.picture(key, bottom + below, f"Partial dependence on {found.feature}", description)


def _levels(key: str, found: Dependence, names: Names, description: str) -> Picture:
    canvas = Canvas()
    top = canvas.legend(names.champion if found.champion else None, names.challenger)
    bottom = top + 18.0 * len(found.values) + 4.0
    x = Scale.around([*found.outputs, *(found.champion or ())], 112.0, _RIGHT)
    below = x_axis(canvas, x, bottom, top=top)
    for place, value in enumerate(found.values):
        y = top + 11.0 + 18.0 * place
        canvas.text(104.0, y + 4.0, cut(level(value), 100.0), "label", "end")
        canvas.line(112.0, y, _RIGHT, y, "grid")
        if found.champion:
            canvas.point(x(found.champion[place]), y, "champion", 4.0)
        canvas.point(x(found.outputs[place]), y, "challenger", 4.0)
    return canvas.picture(key, bottom + below, f"Partial dependence on {found.feature}", description)


def level(value: Value) -> str:
    """A feature's value as text."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return formats.number(value, 6) if isinstance(value, float) else str(value)
