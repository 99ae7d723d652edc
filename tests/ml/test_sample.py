from __future__ import annotations

from pathlib import Path

import pytest

from ml.core.frame import LINE
from ml.errors import UserError
from ml.io.datasets import read_csv, read_packaged
from ml.io.tracking import Tracking
from ml.io.workspace import Workspace
from ml.problem import PackageSource
from ml.sample import write_sample

WORKSPACE = Workspace(Path(__file__).parents[2], Tracking("sqlite://"))


def test_a_sample_is_read_back_as_the_rows_that_it_was_taken_from(tmp_path: Path) -> None:
    problem = WORKSPACE.problem("flights")
    assert isinstance(problem.source, PackageSource)
    path = tmp_path / "flights.csv.gz"
    rows = write_sample(problem, "2013-01", path)
    own = read_packaged(problem.source, "2013-01")
    read = read_csv(path, "sample")
    assert rows == len(own) == 27_004
    assert read.drop(columns=LINE).equals(own.drop(columns=LINE))


def test_made_up_rows_get_no_file_in_which_they_would_pass_for_real(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no real rows come with 'insurance'"):
        write_sample(WORKSPACE.problem("insurance"), None, tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_sample(WORKSPACE.problem("flights"), "2013-01", tmp_path / "no" / "x.csv")
