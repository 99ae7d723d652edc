"""The scenes in their order, and how each is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from twin.loop import faults, rights, scenes, upkeep
from twin.loop.play import Play

Scene = Callable[[Play], None]


def try_rights(play: Play) -> None:
    """Each role does what it must and is refused what it must not"""
    tried = rights.try_all(play.world)
    refused = sum(not right.allowed for right in tried)
    play.say(f"{refused} deeds refused, {len(tried) - refused} allowed, each under the role's own policies")


FIRST: tuple[Scene, ...] = (
    scenes.deploy_from_nothing,
    scenes.one_run_for_one_file,
    scenes.reject,
    scenes.release_the_first,
)
THEN: tuple[Scene, ...] = (scenes.release_a_better_one_under_load, scenes.refuse_poison, scenes.roll_back)
MAIN = (*FIRST, *THEN)
"""What a person is shown; the twin runs on afterwards."""

BREAKING: tuple[Scene, ...] = (
    try_rights,
    faults.a_right_is_missing,
    faults.registry_killed_in_training,
    faults.database_restarted,
    faults.storage_slow,
    faults.runner_killed,
    faults.function_fails,
    faults.service_killed,
)
END: tuple[Scene, ...] = (upkeep.redeploy_with_another_setting, upkeep.destroy_everything)
WHOLE = (*FIRST, scenes.refuse_an_altered_record, *THEN, *BREAKING, *END)
"""The record is altered while a release that was never taken back is there to roll back to."""


def title(scene: Scene) -> str:
    return (scene.__doc__ or scene.__name__).splitlines()[0]


def perform(play: Play, script: Sequence[Scene] = MAIN) -> None:
    """One scene after the other; the first that fails ends the play. Raises what it raised."""
    for number, scene in enumerate(script, start=1):
        play.say(f"[{number}/{len(script)}] {title(scene)}")
        began = time.monotonic()
        scene(play)
        play.say(f"[{number}/{len(script)}] done in {time.monotonic() - began:.1f} s")
