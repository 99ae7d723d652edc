"""A person is told how a twin stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin import birth, life, status
from twin.folder import TwinError


def test_a_twin_whose_keeper_is_gone_lives_no_more(tmp_path: Path) -> None:
    twin, held = birth.give(tmp_path / "twin")
    held.close()
    found = status.read(twin.folder)
    assert not found.alive
    assert found.problem == "its keeper is gone"


def test_a_twin_that_ended_says_why_and_is_not_brought_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin, held = birth.give(tmp_path / "twin")
    held.close()
    (twin.folder / "ended").write_text("the emulator ended with -9\n")
    monkeypatch.setattr(life, "TOOLS_NEEDED", ())
    with pytest.raises(TwinError, match=r"lives no more: the emulator ended with -9; `make twin-down`"):
        life.up(twin.folder)
    assert life.down(twin.folder)
    assert not life.down(twin.folder)
    assert list(tmp_path.iterdir()) == []


def test_without_its_tools_no_twin_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "TOOLS_NEEDED", (tmp_path / "absent",))
    with pytest.raises(TwinError, match=r"make \.venv/\.twin"):
        life.up(tmp_path / "twin")
    assert list(tmp_path.iterdir()) == []


def test_where_no_twin_lives_the_command_that_starts_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="make twin"):
        status.read(tmp_path)
