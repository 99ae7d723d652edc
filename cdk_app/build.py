"""From an environment's values to an application that is ready to be synthesised."""

from __future__ import annotations

import aws_cdk as cdk

from cdk_app.config import ConfigError, Environment
from cdk_app.environments import ENVIRONMENTS
from cdk_app.guardrails import guard
from cdk_app.platform import Platform


def chosen(name: str | None, target: str | None = None) -> Environment:
    """The environment of that name, dev when none is given; `target` overrides where it serves.

    Raises ConfigError for a name that is none.
    """
    environment = ENVIRONMENTS.get(name or "dev")
    if environment is None:
        raise ConfigError(
            f"there is no environment {name!r}; write -c environment= and one of {', '.join(ENVIRONMENTS)}"
        )
    if target is None:
        return environment
    serving = type(environment.serving)(**{**dict(environment.serving), "target": target})
    return type(environment)(**{**dict(environment), "serving": serving})


def build_app(app: cdk.App, environment: Environment) -> Platform:
    """The platform under the application, tagged and guarded."""
    platform = Platform(app, environment.name.capitalize(), config=environment)
    guard(app, platform, environment)
    return platform
