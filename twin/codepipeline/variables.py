"""`#{Namespace.NAME}` in an action's configuration becomes what an earlier action, or the execution, says."""

from __future__ import annotations

import re
from collections.abc import Mapping

REFERENCE = re.compile(r"#\{([^{}]*)\}")


class UnresolvedError(Exception):
    """Nothing gave a value to the reference in the message."""


def resolve(text: str, namespaces: Mapping[str, Mapping[str, str]]) -> str:
    """The text with its references replaced, as text: CodePipeline knows nothing of JSON. Raises UnresolvedError."""

    def value(found: re.Match[str]) -> str:
        namespace, _, name = found[1].partition(".")
        try:
            return namespaces[namespace][name]
        except KeyError:
            raise UnresolvedError(found[0]) from None

    return REFERENCE.sub(value, text)
