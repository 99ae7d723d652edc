"""What has arrived for a problem: a request in data/raw/NAME, and the file that came with it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ml.errors import UserError
from ml.problem import PackageSource, Problem
from service.schema import Frozen

REQUEST = "request.json"


class Request(Frozen):
    """Which raw table to learn from. `label` is how messages name it; `file` lies beside the request."""

    kind: Literal["file", "package", "synthetic"]
    label: str
    file: str | None = None
    until: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}$")
    rows: int | None = Field(default=None, ge=100)


@dataclass(frozen=True)
class Arrival:
    """A request in place, and how to take it back when the table turns out to be unusable."""

    folder: Path
    earlier: Path

    def undo(self) -> None:
        """Restore what had arrived before."""
        shutil.rmtree(self.folder)
        if self.earlier.exists():
            self.earlier.rename(self.folder)

    def keep(self) -> None:
        shutil.rmtree(self.earlier, ignore_errors=True)


def arrive(folder: Path, request: Request, data: Path | None = None) -> Arrival:
    """Put a request, and the file that it names, in place of what is there."""
    coming, earlier = folder.with_name(f".{folder.name}.coming"), folder.with_name(f".{folder.name}.earlier")
    for left in (coming, earlier):
        shutil.rmtree(left, ignore_errors=True)
    coming.mkdir(parents=True)
    if data is not None and request.file is not None:
        try:
            shutil.copyfile(data, coming / request.file)
        except OSError as error:
            shutil.rmtree(coming)
            raise UserError(f"{data}: the file cannot be read: {error.strerror}") from error
    (coming / REQUEST).write_text(request.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with suppress(FileNotFoundError):
        folder.rename(earlier)
    coming.rename(folder)
    return Arrival(folder, earlier)


def read_request(folder: Path) -> Request:
    """Raises UserError when nothing has arrived."""
    try:
        return Request.model_validate_json((folder / REQUEST).read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"no data has arrived for {folder.name!r}; run `evergreen train {folder.name}`") from error
    except ValidationError as error:
        raise UserError(f"{folder / REQUEST} is damaged; train {folder.name!r} with its data again") from error


def requested(problem: Problem, *, data: str | None, until: str | None, label: str | None = None) -> Request | None:
    """The request that the options ask for; None to stay with what has arrived.

    `data` is a path, which `label` may name better, or `synthetic` or `synthetic:ROWS`. Raises UserError where the
    problem has no such source.
    """
    source = problem.source
    if until is not None and data is not None:
        raise UserError(f"both data ({label or data}) and a month ({until}) are given; name one of them")
    if until is not None:
        if not isinstance(source, PackageSource):
            raise UserError(f"problem {problem.name!r} takes a file, not months; give its data instead")
        return _months(source, until)
    if data is None:
        return None
    if data.split(":")[0] == "synthetic":
        return _synthetic(problem, data)
    if not Path(data).is_file():
        raise UserError(f"{data}: there is no such file")
    suffixes = "".join(Path(data).suffixes[-2:])
    return Request(kind="file", label=label or data, file=f"table{suffixes}")


def default_request(problem: Problem) -> Request:
    """What a problem learns from when nobody has named anything."""
    if isinstance(problem.source, PackageSource):
        return _months(problem.source, problem.source.until)
    if problem.synthetic is not None:
        return _synthetic(problem, "synthetic")
    raise UserError(f"problem {problem.name!r} needs a CSV: make run PROBLEM={problem.name} DATA=table.csv")


def _months(source: PackageSource, until: str) -> Request:
    try:
        request = Request(kind="package", label=f"{source.package}, {source.first} to {until}", until=until)
    except ValidationError as error:
        raise UserError(f"{until!r} is not a month; write it as YYYY-MM") from error
    if until < source.first:
        raise UserError(f"{until} is before the first month, {source.first}")
    return request


def _synthetic(problem: Problem, data: str) -> Request:
    if problem.synthetic is None:
        raise UserError(f"problem {problem.name!r} has no synthetic sample; name a CSV")
    _, _, count = data.partition(":")
    try:
        rows = int(count) if count else problem.synthetic.rows
        return Request(kind="synthetic", label=f"synthetic sample of {rows} rows", rows=rows)
    except ValueError as error:
        raise UserError(f"{data!r}: write synthetic:ROWS with at least 100 rows") from error
