from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cdk_app.build import chosen
from cdk_app.environments import DEV, PROD
from cdk_app.refusals import ConfigError
from tests.support.stacks import ROOT


@pytest.mark.parametrize("name", [None, "", "dev"])
def test_dev_is_chosen_where_nothing_else_is(name: str | None) -> None:
    assert chosen(name) is DEV


def test_an_environment_is_chosen_by_its_name() -> None:
    assert chosen("prod") is PROD


def test_a_name_of_no_environment_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError) as refused:
        chosen("produktion")

    assert str(refused.value) == (
        "there is no environment 'produktion'; write -c environment= and one of dev, staging, prod"
    )


def test_a_target_given_with_the_command_is_the_only_thing_that_changes() -> None:
    assert DEV.serving.target == "ecs"

    other = chosen("dev", "apprunner")

    assert other.serving.target == "apprunner"
    assert other.model_copy(update={"serving": DEV.serving}) == DEV
    assert other.serving.ecs == DEV.serving.ecs


def test_an_empty_target_changes_nothing() -> None:
    assert chosen("dev", "") is DEV


def test_a_target_that_is_none_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError) as refused:
        chosen("dev", "lambda")

    assert str(refused.value) == "nothing serves on 'lambda'; write -c target= and one of apprunner, ecs"


def test_a_person_reads_one_sentence_instead_of_a_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env={**os.environ, "CDK_CONTEXT_JSON": '{"environment": "nowhere"}'},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        "error: there is no environment 'nowhere'; write -c environment= and one of dev, staging, prod"
    )
