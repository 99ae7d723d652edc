"""The application of `cdk`: reads the outside world once, builds, synthesises."""

import sys

import aws_cdk as cdk

from cdk_app.refusals import ConfigError

app = cdk.App()
try:
    from cdk_app.build import build_app, chosen

    build_app(app, chosen(app.node.try_get_context("environment"), app.node.try_get_context("target")))
except ConfigError as error:
    sys.exit(f"error: {error}")
app.synth()
