"""The real rows that come with a problem, as the file that would otherwise arrive."""

from __future__ import annotations

from pathlib import Path

from ml.core.frame import LINE
from ml.errors import UserError
from ml.io.datasets import read_packaged
from ml.io.raw import requested
from ml.problem import PackageSource, Problem


def write_sample(problem: Problem, until: str | None, path: Path) -> int:
    """Write the months up to `until`, by default those that the problem names; returns the number of rows.

    Raises UserError for a problem without such rows: made-up ones must not lose their label in a file.
    """
    source = problem.source
    if not isinstance(source, PackageSource):
        raise UserError(f"no real rows come with {problem.name!r}; bring its table, or use --data synthetic")
    request = requested(problem, data=None, until=until or source.until)
    assert request is not None
    assert request.until is not None
    table = read_packaged(source, request.until).drop(columns=LINE)
    try:
        table.to_csv(path, index=False)
    except OSError as error:
        raise UserError(f"{path}: the file cannot be written: {error.strerror or error}") from error
    return len(table)
