"""Whether this challenger may come at all: what it is, what it was made of, and what a person said about it."""

from __future__ import annotations

from ml.core.record import HttpParity, Reason
from ml.core.rules.words import number
from ml.gate import Gate


def parity(found: HttpParity | None, tolerance: float) -> Reason:
    """The real service must answer golden rows as scikit-learn did; what was not proved is not released.

    `tolerance` is the problem's: a bundle may be stricter with itself, and not more lenient.
    """
    if found is None:
        text = "Not proved over HTTP: the real service was not asked for the golden rows."
        return Reason(rule="parity", passed=False, text=text)
    if found.failure:
        return Reason(rule="parity", passed=False, text=f"Not served as trained: {found.failure}")
    allowed = min(found.tolerance, tolerance)
    passed = found.holds and max(found.single, found.batch) <= allowed
    asked = (
        f"over HTTP {found.rows:,} golden rows differ from scikit-learn by {number(found.single)} at most one by one "
        f"and by {number(found.batch)} in a batch; {allowed:g} is allowed"
    )
    text = f"Service and training agree: {asked}." if passed else f"Skewed: {asked}."
    return Reason(rule="parity", passed=passed, text=text)


def another_bundle(challenger: str, champion: str | None) -> Reason:
    if challenger == champion:
        text = f"Same bundle: the challenger is the champion, digest {challenger[:12]}; there is nothing to release."
        return Reason(rule="same_bundle", passed=False, text=text)
    against = "there is no champion" if champion is None else f"it differs from the champion's {champion[:12]}"
    return Reason(rule="same_bundle", passed=True, text=f"The bundle {challenger[:12]} is new: {against}.")


def other_inputs(*, same: bool, gate: Gate) -> Reason:
    """`same`: challenger and champion learnt from the same data with the same parameters."""
    if not same:
        text = "No champion was made of the same data and model parameters."
        return Reason(rule="same_inputs", passed=True, text=text)
    text = "Same data, same model parameters as the champion"
    if gate.same_inputs == "refuse":
        text += ": the policy refuses a challenger that brings nothing new."
        return Reason(rule="same_inputs", passed=False, text=text)
    text += ": the policy asks only that the challenger is not worse."
    return Reason(rule="same_inputs", passed=True, text=text)


def not_rolled_back(version: str, rolled_back: str | None, *, again: bool) -> Reason:
    if rolled_back is None:
        return Reason(rule="rolled_back", passed=True, text=f"Version {version} was never rolled back.")
    text = f"Rolled back: version {version} was taken back by a person ({rolled_back})"
    text += ", who now asks for it again." if again else "; it is released again only when a person asks for it."
    return Reason(rule="rolled_back", passed=again, text=text)


def real_rows(*, challenger_synthetic: bool, champion_synthetic: bool) -> Reason:
    """Made-up rows favour the model that learnt from them, so they cannot unseat one that learnt from real ones."""
    if challenger_synthetic and not champion_synthetic:
        text = "Synthetic: the challenger learnt from made-up rows, and the champion from real ones."
        return Reason(rule="synthetic", passed=False, text=text)
    text = "No model that learnt from real rows would be replaced by one that learnt from made-up ones."
    return Reason(rule="synthetic", passed=True, text=text)


def first_release(*, champion: bool, left_out: str, gate: Gate) -> Reason:
    """`left_out` is the version of a champion that cannot score the rows."""
    if champion:
        return Reason(rule="first_release", passed=True, text="There is a champion to compare with.")
    if gate.no_champion == "refuse":
        text = (
            "No champion: the policy refuses a release that is compared with nothing; let `no_champion: floors` in the "
            "problem file allow the first one, then take it back."
        )
        return Reason(rule="first_release", passed=False, text=text)
    text = "No champion: by the policy the floors decide a first release."
    if left_out:
        text = f"The champion, version {left_out}, cannot score these rows: as in a first release the floors decide."
    return Reason(rule="first_release", passed=True, text=text)
