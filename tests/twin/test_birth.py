"""What a twin's folder may be, and that nothing else is ever removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from twin import birth
from twin.folder import ROOT, Twin, TwinError


def born(folder: Path) -> Twin:
    twin, held = birth.give(folder)
    held.close()
    return twin


def test_a_twin_is_born_with_all_that_its_processes_need(tmp_path: Path) -> None:
    twin = born(tmp_path / "twin")
    assert Twin.load(twin.folder) == twin
    assert {path.name for path in twin.folder.iterdir()} == {"home", "logs", "processes", "tls", "tmp", "twin.json"}
    assert (twin.folder / "twin.json").stat().st_mode & 0o077 == 0, "it holds the token"


def test_nobody_is_born_among_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(TwinError, match="not empty"):
        birth.give(tmp_path)


def test_a_removed_twin_leaves_nothing(tmp_path: Path) -> None:
    twin = born(tmp_path / "twin")
    (twin.folder / "tasks/1").mkdir(parents=True)
    birth.remove(twin.folder)
    birth.remove(twin.folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_twin_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(TwinError, match="holds no twin"):
        birth.remove(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.txt").touch()
    twin = born(tmp_path / "twin")
    (twin.folder / "link").symlink_to(tmp_path / "data")
    birth.remove(twin.folder)
    assert (tmp_path / "data/thesis.txt").exists()


@pytest.mark.parametrize("act", [birth.give, birth.remove])
def test_a_link_is_no_twins_folder(tmp_path: Path, act: Callable[[Path], object]) -> None:
    twin = born(tmp_path / "twin")
    (tmp_path / "link").symlink_to(twin.folder)
    with pytest.raises(TwinError, match="symbolic link"):
        act(tmp_path / "link")
    assert (twin.folder / "twin.json").exists()


@pytest.mark.parametrize("folder", [Path("/"), ROOT, ROOT.parent, ROOT / "var/..", Path.home()])
def test_no_precious_folder_is_ever_a_twins(folder: Path) -> None:
    with pytest.raises(TwinError, match="no place for a twin"):
        birth.remove(folder)


def test_two_commands_do_not_touch_one_twin_at_once(tmp_path: Path) -> None:
    with birth.alone(tmp_path), pytest.raises(TwinError, match="another command"), birth.alone(tmp_path):
        pass
    with birth.alone(tmp_path):
        pass
