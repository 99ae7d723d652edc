"""SHAP values of many rows, one line a feature: how far each value moves the output, and which values do."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence

from ml.core.record import Effect
from ml.page import formats
from ml.page.drawing import WIDTH, Canvas, Picture, Scale, cut, x_axis
from service.schema import Value

MOST_FEATURES = 12
_SHADES = 5
_ROW, _SPREAD, _EDGE = 52.0, 14.0, 10.0
_COLUMN = 3.0
"""Points that are nearer than this, in units of the picture, stand above each other."""


def swarm(key: str, effects: Sequence[Effect], *, axis: str, description: str) -> Picture:
    """The strongest features first, as they come. Numbers go from light (low) to dark (high); levels have one shade."""
    canvas = Canvas()
    values = [0.0] + [point for effect in effects for _, point in effect.points]
    scale = Scale.around(values, _EDGE, WIDTH - _EDGE, margin=0.03)
    top = _key(canvas)
    bottom = top + _ROW * len(effects)
    below = x_axis(canvas, scale, bottom, top=top, title=axis)
    canvas.line(scale(0.0), top, scale(0.0), bottom, "zero")
    for place, effect in enumerate(effects):
        y = top + _ROW * place
        share = formats.percent(effect.share, 0)
        named = f"{effect.feature} (values withheld)" if effect.withheld else effect.feature
        canvas.text(4.0, y + 14.0, cut(named, WIDTH - 80.0), "label halo")
        canvas.text(WIDTH - 4.0, y + 14.0, share, "value halo", "end")
        for kind, d in sorted(_points(effect, scale, y + 34.0).items()):
            canvas.path(d, f"dots {kind}")
    return canvas.picture(key, bottom + below, "SHAP values of the challenger", description)


def _key(canvas: Canvas) -> float:
    canvas.text(4.0, 13.0, "low value")
    for shade in range(_SHADES):
        canvas.path(f"M{70 + 12 * shade} 9h.01", f"dots shade-{shade}")
    canvas.text(128.0, 13.0, "high value")
    canvas.path("M208 9h.01", "dots level")
    canvas.text(216.0, 13.0, "a level, or missing")
    return 22.0


def _points(effect: Effect, scale: Scale, middle: float) -> dict[str, str]:
    """A path of dots for each shade. Dots of a column stand by turns below and above the middle, and are pressed
    together where they are many."""
    columns: dict[int, list[tuple[float, Value]]] = defaultdict(list)
    for value, size in effect.points:
        columns[round(scale(size) / _COLUMN)].append((scale(size), value))
    step = min(3.2, 2.0 * _SPREAD / max((len(found) for found in columns.values()), default=1))
    shade = _shader(effect)
    paths: dict[str, str] = defaultdict(str)
    for found in columns.values():
        for place, (x, value) in enumerate(found):
            offset = (place + 1) // 2 * step * (1 if place % 2 else -1)
            paths[shade(value)] += f"M{x:.1f} {middle + offset:.1f}h.01"
    return paths


def _shader(effect: Effect) -> Callable[[Value], str]:
    """From a value to its shade, by its rank among the feature's values; levels have no order and so one shade."""
    known = [value for value, _ in effect.points]
    numbers = sorted(float(value) for value in known if isinstance(value, bool | int | float))
    named = effect.levels or any(isinstance(value, str) for value in known)
    flat = named or not numbers or numbers[0] == numbers[-1]

    def shade(value: Value) -> str:
        if flat or not isinstance(value, bool | int | float):
            return "level"
        rank = bisect_left(numbers, float(value)) + bisect_right(numbers, float(value))
        return f"shade-{min(_SHADES - 1, _SHADES * rank // (2 * len(numbers)))}"

    return shade
