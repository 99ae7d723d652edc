from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.locked import app, differences

ROOT = Path(__file__).parents[2]


def test_the_environment_of_the_tests_is_that_of_the_training_lock() -> None:
    assert differences((ROOT / "requirements" / "ml.txt").read_text()) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pandas==0.1 \\\n    --hash=sha256:00", "not 0.1"),
        ("no-such-package==1.0 \\\n    --hash=sha256:00", "no-such-package is missing, not 1.0"),
    ],
)
def test_another_version_and_a_missing_package_are_named(line: str, said: str) -> None:
    [found] = differences(line)
    assert said in found


def test_what_is_locked_for_another_system_is_not_asked_for() -> None:
    assert differences("no-such-package==1.0 ; sys_platform == 'plan9' \\\n    --hash=sha256:00") == []


def test_a_job_in_an_older_image_ends_with_what_to_do(tmp_path: Path) -> None:
    lock = tmp_path / "ml.txt"
    lock.write_text("".join(f"no-such-package-{n}==1.0 \\\n    --hash=sha256:00\n" for n in range(5)))
    ended = CliRunner().invoke(app, [str(lock)])
    assert ended.exit_code == 2
    assert "and 2 more" in ended.stderr
    assert "make images-push" in ended.stderr


def test_a_lock_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, [str(tmp_path / "none.txt")])
    assert ended.exit_code == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
