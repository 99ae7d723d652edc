from __future__ import annotations

import pytest

from ml.io.person import TRIGGERED_BY, person, triggered_by


def test_a_run_is_started_by_whom_the_environment_names_else_by_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.delenv(TRIGGERED_BY, raising=False)
    assert triggered_by() == person() == "ada"
    monkeypatch.setenv(TRIGGERED_BY, "")
    assert triggered_by() == "ada"
    monkeypatch.setenv(TRIGGERED_BY, "s3://raw/insurance/june.csv")
    assert (triggered_by(), person()) == ("s3://raw/insurance/june.csv", "ada")
