"""Small pictures as SVG: marks on a canvas whose text is the page's own, with a title and what it shows in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Literal

from ml.page import formats

WIDTH = 360
"""Drawn for a phone's column, so that type of 12 units is 12 pixels there."""
Anchor = Literal["start", "middle", "end"]
_LETTER = 6.3
"""About what a letter of 12 units takes, for keeping labels apart."""


@dataclass(frozen=True)
class Mark:
    """One SVG element."""

    tag: str
    attributes: dict[str, str | float]
    text: str = ""


@dataclass(frozen=True)
class Picture:
    """`key` is unique on the page; `description` says in words and numbers what the picture shows."""

    key: str
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...]
    width: float = WIDTH


@dataclass
class Canvas:
    """Collects marks in the order in which they cover each other."""

    marks: list[Mark] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self._add("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})

    def rect(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        self._add("rect", {"x": x, "y": y, "width": max(width, 0.0), "height": max(height, 0.0), "class": kind})

    def path(self, d: str, kind: str) -> None:
        self.marks.append(Mark("path", {"d": d, "class": kind}))

    def text(self, x: float, y: float, text: str, kind: str = "label", anchor: Anchor = "start") -> None:
        self._add("text", {"x": x, "y": y, "class": kind, "text-anchor": anchor}, text)

    def polyline(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        self.path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), kind)

    def point(self, x: float, y: float, role: str, size: float = 4.5) -> None:
        """A model's mark: round for the challenger, square for the champion, a diamond where there is harm."""
        if role in ("challenger", "unsure"):
            self._add("circle", {"cx": x, "cy": y, "r": size, "class": f"mark {role}"})
        elif role == "harmed":
            far = size * 1.35
            self.path(
                f"M{x - far:.1f} {y:.1f}l{far:.1f} {-far:.1f} {far:.1f} {far:.1f} {-far:.1f} {far:.1f}z", f"mark {role}"
            )
        else:
            self.rect(x - size * 0.9, y - size * 0.9, 1.8 * size, 1.8 * size, f"mark {role}")

    def legend(self, champion: str | None, challenger: str, *, curves: bool = False) -> float:
        """What the two marks or curves mean, in the first line; gives back the height that it took."""
        x = 7.0
        for role, name in (("challenger", challenger), ("champion", champion)):
            if name is not None:
                if curves:
                    self.line(x - 6.0, 9.0, x + 14.0, 9.0, f"curve {role}")
                    x += 10.0
                else:
                    self.point(x, 9.0, role)
                self.text(x + 10.0, 13.0, name)
                x += 28.0 + _LETTER * len(name)
        return 24.0

    def picture(self, key: str, height: float, title: str, description: str) -> Picture:
        return Picture(key=key, height=round(height, 1), title=title, description=description, marks=tuple(self.marks))

    def _add(self, tag: str, attributes: dict[str, str | float], text: str = "") -> None:
        rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in attributes.items()}
        self.marks.append(Mark(tag, rounded, text))


@dataclass(frozen=True)
class Scale:
    """From a range of values to a range of places."""

    low: float
    high: float
    start: float
    stop: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, stop: float, *, margin: float = 0.07) -> Scale:
        """A scale on which every value has some air; a single value gets a range of its own size."""
        low, high = min(values), max(values)
        air = margin * (high - low) or abs(low) * 0.1 or 1.0
        return cls(low - air, high + air, start, stop)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self, count: int = 4) -> list[float]:
        """About that many round values (1, 2 or 5 times a power of ten apart) within the range."""
        raw = (self.high - self.low) / max(count, 1)
        power = 10.0 ** floor(log10(raw))
        step = next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= raw * 0.999)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [round(place * step, 12) for place in range(first, last + 1)]


def x_axis(
    canvas: Canvas,
    scale: Scale,
    y: float,
    *,
    top: float,
    title: str = "",
    label: Callable[[float], str] = formats.compact,
) -> float:
    """Grid lines from `top` down to `y`, their values below, and a title; gives back the height below `y`."""
    for tick in scale.ticks():
        x = scale(tick)
        canvas.line(x, top, x, y, "grid")
        canvas.text(min(max(x, 8.0), WIDTH - 8.0), y + 15, label(tick), "tick", "middle")
    if title:
        canvas.text((scale.start + scale.stop) / 2.0, y + 32, title, "axis", "middle")
    return 38.0 if title else 21.0


def y_axis(
    canvas: Canvas, scale: Scale, x: float, *, right: float, label: Callable[[float], str] = formats.compact
) -> None:
    """Grid lines from `x` to `right` and their values to the left."""
    for tick in scale.ticks():
        y = scale(tick)
        canvas.line(x, y, right, y, "grid")
        canvas.text(x - 6, y + 4, label(tick), "tick", "end")


def half_width(text: str) -> float:
    """About half of what a text of 12 units takes, for keeping labels apart and within the picture."""
    return _LETTER * len(text) / 2.0


def cut(text: str, width: float) -> str:
    """A label that fits a width, with an ellipsis where something was left out."""
    most = max(4, int(width / _LETTER))
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
