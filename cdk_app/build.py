"""From an environment's values to an application that is ready to be synthesised."""

from __future__ import annotations

import aws_cdk as cdk

from cdk_app.choices import TARGETS, Serving
from cdk_app.config import Environment
from cdk_app.environments import ENVIRONMENTS
from cdk_app.guardrails import guard
from cdk_app.platform import Platform
from cdk_app.refusals import ConfigError


def chosen(name: str | None, target: str | None = None) -> Environment:
    """The environment of that name, dev when none is given; `target` overrides where it serves.

    Raises ConfigError for a name or a target that is none.
    """
    environment = ENVIRONMENTS.get(name or "dev")
    if environment is None:
        raise ConfigError(
            f"there is no environment {name!r}; write -c environment= and one of {', '.join(ENVIRONMENTS)}"
        )
    if not target:
        return environment
    if target not in TARGETS:
        raise ConfigError(f"nothing serves on {target!r}; write -c target= and one of {', '.join(TARGETS)}")
    serving = Serving(**{**dict(environment.serving), "target": target})
    return Environment(**{**dict(environment), "serving": serving})


def build_app(app: cdk.App, environment: Environment, *, packs: bool = True) -> Platform:
    """The platform under the application, tagged and guarded; `packs` False leaves out the slow rules."""
    platform = Platform(app, environment.name.capitalize(), config=environment)
    guard(app, platform, environment, packs=packs)
    return platform
