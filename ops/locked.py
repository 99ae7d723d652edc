"""Is this environment the one that a lock file names? A job's image may be older than the commit that it works for."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from packaging.requirements import Requirement

MENDABLE = 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def differences(lock: str) -> list[str]:
    """What is installed otherwise than the lock file says, a phrase each; none where everything agrees."""
    lines = (line.partition(" \\")[0].strip() for line in lock.splitlines() if line and line[0] not in " #-")
    wanted = [Requirement(line) for line in lines]
    return [
        f"{each.name} is {_installed(each.name) or 'missing'}, not {str(each.specifier).removeprefix('==')}"
        for each in wanted
        if (each.marker is None or each.marker.evaluate()) and not each.specifier.contains(_installed(each.name) or "0")
    ]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@app.command()
def locked(lock: Annotated[Path, typer.Argument(help="A lock file, such as requirements/ml.txt.")]) -> None:
    """Exit with 2 and one sentence where something else is installed."""
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"error: {lock}: the lock file cannot be read: {error.strerror}\n")
        raise typer.Exit(MENDABLE) from None
    if found := differences(text):
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        said = f"this environment is not that of {lock}: {', '.join(found[:3])}{more}"
        sys.stderr.write(f"error: {said}; push an image of this commit: make images-push\n")
        raise typer.Exit(MENDABLE)


if __name__ == "__main__":
    app()
