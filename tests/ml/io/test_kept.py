"""Whether data can still be had, asked of a real DVC repository with a folder and with S3 as its remote."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from ml.io.kept import Kept, kept
from tests.support.checkout import ONE_THREAD
from tests.support.servers import S3

STAGE = {"cmd": "printf data > table.txt && printf source > source.txt", "outs": ["table.txt", "source.txt"]}


def dvc(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", **ONE_THREAD})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose data are in its cache and in its remote."""
    root = tmp_path_factory.mktemp("repository")
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"ingest": {"foreach": ["toy"], "do": STAGE}}}))
    dvc(root, "init", "--no-scm")
    dvc(root, "remote", "add", "-d", "storage", str(root / "remote"))
    dvc(root, "repro")
    dvc(root, "push")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    copied = tmp_path / "repository"
    shutil.copytree(made, copied)
    set_remote(copied, str(copied / "remote"))
    return copied


def set_remote(root: Path, url: str) -> None:
    (root / ".dvc" / "config").write_text(f"[core]\n    no_scm = true\n['remote \"storage\"']\n    url = {url}\n")


def test_data_are_looked_for_in_the_cache_and_in_the_remote(root: Path) -> None:
    lock = root / "dvc.lock"
    assert kept(root, lock, "toy") == Kept(cache=True, remote=True)
    [first, *_] = sorted((root / ".dvc" / "cache" / "files" / "md5").glob("*/*"))
    first.chmod(0o644)
    first.unlink()
    assert kept(root, lock, "toy") == Kept(cache=False, remote=True)
    shutil.rmtree(root / "remote")
    assert kept(root, lock, "toy") == Kept(cache=False, remote=False)


def test_a_remote_in_s3_is_asked(root: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    prefix = f"dvc-{uuid4().hex[:8]}"
    set_remote(root, f"s3://{s3.bucket}/{prefix}/")
    assert kept(root, root / "dvc.lock", "toy") == Kept(cache=True, remote=False)
    for path in (root / "remote").rglob("*"):
        if path.is_file():
            s3.client().put_object(
                Bucket=s3.bucket, Key=f"{prefix}/{path.relative_to(root / 'remote')}", Body=path.read_bytes()
            )
    assert kept(root, root / "dvc.lock", "toy") == Kept(cache=True, remote=True)


def test_a_remote_that_cannot_be_asked_is_not_known(root: Path) -> None:
    set_remote(root, "ssh://nowhere/data")
    assert kept(root, root / "dvc.lock", "toy") == Kept(cache=True, remote=None)
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    assert kept(root, root / "dvc.lock", "toy") == Kept(cache=True, remote=None)


def test_a_lock_that_names_no_data_of_the_problem_says_nothing(root: Path, tmp_path: Path) -> None:
    assert kept(root, root / "dvc.lock", "other") is None
    empty = tmp_path / "dvc.lock"
    empty.write_text("schema: '2.0'\n")
    assert kept(root, empty, "toy") is None
