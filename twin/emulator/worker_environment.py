"""What the process of a function has in its environment, which is all that it knows of the outside."""

from __future__ import annotations

from collections.abc import Mapping

from twin.folder import FOLDER, ROOT, Twin

KEPT = ("LANG", "LC_ALL", "TZ", "PATH", "HOME", "TMPDIR", "NODE_PATH")
"""Of the emulator's own variables: what any program needs, and where Node finds AWS' clients."""
NAMES = ROOT / "twin/names"


def given(twin: Twin) -> dict[str, str]:
    """How a function finds the twin. Not by EVERGREEN_TWIN: a function may refuse variables that it does not know."""
    trust = {name: value for name, value in twin.trust().items() if name != FOLDER}
    return {**trust, "PYTHONPATH": str(NAMES), "TWIN_NAMES": str(twin.names), "PYTHONDONTWRITEBYTECODE": "1"}


def of_a_worker(composed: Mapping[str, str], emulator: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """`composed` is what MiniStack would give: all that the emulator has, and over it what belongs to the function.

    What is the same in both is the emulator's, and goes unless it is one of KEPT.
    """
    own = {name: value for name, value in composed.items() if emulator.get(name) != value}
    kept = {name: emulator[name] for name in KEPT if name in emulator}
    return {**kept, **given, **own}
