"""The bootstrap's figures are of values that scikit-learn agrees with."""

from __future__ import annotations

import pytest

from bench import bootstrap


def test_the_timed_values_are_those_of_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ROWS", 3_000)
    monkeypatch.setattr(bootstrap, "RESAMPLES", 20)
    found = bootstrap.measure()
    assert found.difference < 1e-12
    assert found.looped > 0.0
    first, second = found.lines()
    assert first.startswith("Paired bootstrap of 3,000 rows x 20 resamples, 4 metrics, 2 models: ")
    assert "extrapolated from 4" in second
