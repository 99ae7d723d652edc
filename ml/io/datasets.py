"""Read raw tables as texts, so that every value is judged by the problem and none by a parser's guess."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from ml.core.frame import LINE
from ml.core.sampling import synthetic
from ml.errors import DataError, UserError
from ml.problem import PackageSource, Problem

ENCRYPTED = 0x1
LF = b"\n"
MISSING = ["", "NA", "NaN", "nan", "null"]


def read_csv(path: Path, label: str) -> pd.DataFrame:
    """A CSV, plain, gzipped or zipped, as texts with its line numbers; a missing value is None.

    Raises DataError for a file that is absent, empty, truncated, damaged, not UTF-8, or ragged.
    """
    try:
        with _opened(path) as stream:
            return _parsed(stream.read(), label)
    except FileNotFoundError as error:
        raise DataError(f"{label}: there is no such file") from error
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise DataError(f"{label}: the file is truncated or damaged: {error}") from error
    except OSError as error:
        raise DataError(f"{label}: the file cannot be read: {error.strerror or error}") from error


def read_packaged(source: PackageSource, until: str) -> pd.DataFrame:
    """The months `source.first` to `until` of a table inside an installed package; nothing of it is imported."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"package {source.package!r} is not installed; run `make install`")
    path = Path(next(iter(spec.submodule_search_locations))) / source.path
    table = read_csv(path, f"{source.package}/{source.path}")
    month = table[source.time[0]].str[:7]
    if len(source.time) == 2:
        month = table[source.time[0]] + "-" + table[source.time[1]].str.zfill(2)
    chosen = table[month.between(source.first, until)]
    if chosen.empty or until > month.max():
        raise UserError(f"{source.package} has no month {until}; it goes from {month.min()} to {month.max()}")
    return chosen.reset_index(drop=True)


def make_synthetic(problem: Problem, rows: int) -> pd.DataFrame:
    """A synthetic raw table with line numbers, as if it had been read."""
    assert problem.synthetic is not None
    table = synthetic(problem, rows, problem.synthetic.seed)
    table[LINE] = range(2, len(table) + 2)
    return table


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        members = [name for name in archive.namelist() if not name.endswith("/")]
        if len(members) != 1 or archive.getinfo(members[0]).flag_bits & ENCRYPTED:
            raise zipfile.BadZipFile(f"it holds {len(members)} files; it must hold one, without a password")
        return archive.open(members[0])
    return path.open("rb")


def _parsed(content: bytes, label: str) -> pd.DataFrame:
    if not content.strip():
        raise DataError(f"{label}: the file is empty")
    columns = _header(content, label)
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), null_values=MISSING, strings_can_be_null=True
    )
    parse = pacsv.ParseOptions(newlines_in_values=True)
    try:
        table = pacsv.read_csv(pa.BufferReader(content), parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise DataError(f"{label}: {_damage(content, columns) or str(error).splitlines()[0]}") from error
    frame: pd.DataFrame = table.to_pandas()
    frame[LINE] = _lines(content, len(frame))
    return frame


def _header(content: bytes, label: str) -> list[str]:
    start = content.lstrip(b"\r\n")
    line, _, rest = start.partition(b"\n")
    try:
        columns = next(csv.reader([line.decode("utf-8-sig").rstrip("\r")]))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{label}: the header cannot be read: {error}") from error
    if repeated := [name for name in columns if columns.count(name) > 1]:
        raise DataError(f"{label}: column {repeated[0]!r} occurs twice in the header")
    if not rest.strip():
        raise DataError(f"{label}: there are no rows below the header")
    return columns


def _damage(content: bytes, columns: list[str]) -> str | None:
    """Where a table that Arrow refuses is broken: Arrow reads in blocks and names no line."""
    try:
        for line, cells in _rows(content):
            if len(cells) != len(columns):
                return f"line {line} has {len(cells)} cells and the header {len(columns)}: {','.join(cells)[:60]!r}"
    except UnicodeDecodeError as error:
        return f"line {content.count(LF, 0, error.start) + 1} is not UTF-8"
    except csv.Error:
        return None
    return None


def _lines(content: bytes, rows: int) -> list[int] | range:
    """The line on which each row starts: blank lines are skipped and a quoted cell may hold some."""
    if content.rstrip().count(LF) == rows:
        return range(2, rows + 2)
    return [line for line, _ in _rows(content)][1:]


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    start = 1
    for cells in reader:
        if cells:
            yield start, cells
        start = reader.line_num + 1
