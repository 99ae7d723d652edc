"""What the process that forks has loaded before it forks: importing MLflow takes seconds, and a test starts dozens."""

import os

from ml.io.tracking import CLIENT_SETTINGS

os.environ.update(CLIENT_SETTINGS)

import mlflow

import ml.io.registry

__all__ = ["ml", "mlflow"]
