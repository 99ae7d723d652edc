"""What the cloud calls the latest data becomes what a problem learns from, under the name of its exact version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.errors import UserError
from ml.io.raw import read_request
from ml.io.tracking import Tracking
from ml.io.workspace import Workspace
from ml.loop import _arrival
from ml.problem import Problem, read_problem
from tests.support.servers import S3

PROBLEMS = Path(__file__).parents[2] / "ml" / "problems"
BUCKET = "arrivals"


@pytest.fixture(scope="module")
def bucket(s3: S3) -> Iterator[Any]:
    client = s3.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (s3.environment | {"EVERGREEN_RAW_BUCKET": BUCKET}).items():
            patch.setenv(name, value)
        yield client


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, Tracking.embedded(tmp_path / "var"))


def problem(name: str) -> Problem:
    return read_problem(PROBLEMS / f"{name}.yaml")


def test_a_file_for_a_problem_of_months_is_learnt_from_under_its_exact_version(
    bucket: Any, workspace: Workspace
) -> None:
    version = bucket.put_object(Bucket=BUCKET, Key="flights/2013-04.csv", Body=b"year,month\n2013,4\n")["VersionId"]
    folder = workspace.raw("flights")
    with _arrival(workspace, problem("flights"), "latest", None):
        request = read_request(folder)
        assert request.label == f"s3://{BUCKET}/flights/2013-04.csv?versionId={version}"
        assert (folder / (request.file or "")).read_bytes() == b"year,month\n2013,4\n"


@pytest.mark.usefixtures("bucket")
def test_with_nothing_in_the_bucket_a_problem_falls_back_to_its_own_source_even_after_other_data(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    with _arrival(workspace, problem("insurance"), "synthetic:500", None):
        pass
    with caplog.at_level("INFO", "evergreen"), _arrival(workspace, problem("insurance"), "latest", None):
        assert read_request(workspace.raw("insurance")).rows == 20_000
    assert any("no data" in record.message for record in caplog.records)


@pytest.mark.usefixtures("bucket")
def test_with_nothing_in_the_bucket_a_problem_without_a_source_says_what_it_needs(workspace: Workspace) -> None:
    with (
        pytest.raises(UserError, match=r"^problem 'housing' needs a CSV"),
        _arrival(workspace, problem("housing"), "latest", None),
    ):
        pass
    assert not workspace.raw("housing").exists()


def test_a_month_and_the_latest_data_together_are_refused(bucket: Any, workspace: Workspace) -> None:
    bucket.put_object(Bucket=BUCKET, Key="flights/table.csv", Body=b"a\n1\n")
    with (
        pytest.raises(UserError, match=rf"^both data \(s3://{BUCKET}/flights/table\.csv"),
        _arrival(workspace, problem("flights"), "latest", "2013-05"),
    ):
        pass
