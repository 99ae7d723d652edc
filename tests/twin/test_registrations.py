"""Who answers to a name."""

from __future__ import annotations

from pathlib import Path

from twin.emulator.registrations import Registrations


def test_each_owner_replaces_its_own_lines_and_no_others(tmp_path: Path) -> None:
    names = Registrations(tmp_path / "names")
    names.set_names("mlflow", ["mlflow.evergreen.internal 127.80.0.100", "mlflow.evergreen.internal 127.80.0.101"])
    names.set_names("balancers", ["door.example:80 127.80.0.10:8080"])
    names.set_names("mlflow", ["mlflow.evergreen.internal 127.80.0.101"])
    assert sorted((tmp_path / "names").read_text().splitlines()) == [
        "door.example:80 127.80.0.10:8080",
        "mlflow.evergreen.internal 127.80.0.101",
    ]


def test_an_owner_without_lines_is_gone(tmp_path: Path) -> None:
    names = Registrations(tmp_path / "names")
    names.set_names("mlflow", ["mlflow.evergreen.internal 127.80.0.100"])
    names.set_names("mlflow", [])
    assert (tmp_path / "names").read_text() == ""


def test_what_an_earlier_twin_left_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("old 127.80.0.1\n")
    Registrations(tmp_path / "names")
    assert (tmp_path / "names").read_text() == ""
