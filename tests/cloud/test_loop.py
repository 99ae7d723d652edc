"""The whole loop on a twin of the cloud: deploy, learn, release, break, mend, tear down. `make twin-test` runs it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from tests.cloud.conftest import Opened
from twin.loop.play import Play
from twin.loop.script import WHOLE, perform


def test_the_loop_holds_from_the_first_deployment_to_the_last_inventory(opened: Opened) -> None:
    console = Console(soft_wrap=True, highlight=False)
    play: Play = opened.play(console)
    try:
        perform(play, WHOLE)
    finally:
        console.print(play.watch.table())


def test_two_twins_know_nothing_of_each_other(opened: Opened, tmp_path: Path) -> None:
    with opened.another(tmp_path / "second") as other:
        other.client("s3").create_bucket(Bucket="only-here")
        assert [each["Name"] for each in other.client("s3").list_buckets()["Buckets"]] == ["only-here"]
        mine = opened.cloud.client("s3").list_buckets()["Buckets"]
        assert "only-here" not in {each["Name"] for each in mine}
        assert other.twin.block != opened.cloud.twin.block
