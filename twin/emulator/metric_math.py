"""The part of CloudWatch's metric math that alarms here use: numbers, metrics, + - * /, parentheses and FILL.

A value of None is "no data", as where a metric has none or something is divided by zero.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST = 1024
"""Characters of an expression, as on CloudWatch; it also bounds how deep one can be nested."""
ID = re.compile(r"[a-z][A-Za-z0-9_]*")
KNOWN = "numbers, ids of metrics, + - * /, parentheses and FILL(metric, number)"
OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class MathError(ValueError):
    """An expression that this evaluator does not know; the message says what it does know."""


@dataclass(frozen=True)
class Expression:
    """A checked expression; `names` are the ids that it reads."""

    text: str
    tree: ast.expr
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Raises MathError."""
        if len(text) > LONGEST:
            raise MathError(f"an expression has at most {LONGEST} characters")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            names = frozenset(_names(tree))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise MathError(f"{text!r} is not metric math that is known here ({error}), which is {KNOWN}") from error
        return cls(text, tree, names)

    def value(self, metrics: Mapping[str, float | None]) -> float | None:
        """At one moment. Every one of `names` must be there."""
        return _finite(_value(self.tree, metrics))


def _names(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return []
        case ast.Name(id=name) if ID.fullmatch(name):
            return [name]
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return _names(operand)
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in OPERATIONS:
            return [*_names(left), *_names(right)]
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, filling], keywords=[]):
            if _names(filling):
                raise MathError("FILL is given a number")
            return _names(filled)
    raise MathError(f"{ast.unparse(node)} is unknown")


def _value(node: ast.expr, metrics: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return metrics[name]
        case ast.UnaryOp(op=sign, operand=operand):
            value = _value(operand, metrics)
            return -value if value is not None and isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=kind, right=right):
            return _apply(OPERATIONS[type(kind)], _value(left, metrics), _value(right, metrics))
        case ast.Call(args=[filled, filling]):
            value = _value(filled, metrics)
            return _value(filling, metrics) if value is None else value
    raise AssertionError("a checked expression has no other parts")


def _apply(operation: Callable[[float, float], float], left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        return _finite(operation(left, right))
    except (ZeroDivisionError, OverflowError):
        return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
