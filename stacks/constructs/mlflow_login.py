"""Basic authentication of the MLflow server, for where strangers can reach it."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.secret_key import secret_key
from stacks.lifetime import Lifetime

ADMINISTRATOR = "evergreen"
CONFIGURATION = "/opt/mlflow-auth.ini"
"""In the image: the users are kept in the same database."""
FIXED = "MLflow keeps its own copy of the password and signs with the key: a change by itself would lock everybody out."


class MlflowLogin(Construct):
    """`credentials` are those of the first administrator, whom the server makes when it first starts."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        key = secret_key(self, lifetime)
        self.credentials = secretsmanager.Secret(
            self,
            "Administrator",
            description="The administrator of MLflow",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=f'{{"username": "{ADMINISTRATOR}"}}',
                generate_string_key="password",
                password_length=40,
                exclude_punctuation=True,
            ),
        )
        self._sessions = secretsmanager.Secret(
            self, "Sessions", description="Signs the session cookies of MLflow", encryption_key=key
        )
        acknowledge(self, {"AwsSolutions-SMG4": FIXED, "NIST.800.53.R5-SecretsManagerRotationEnabled": FIXED})

    @property
    def environment(self) -> dict[str, str]:
        return {"MLFLOW_AUTH_CONFIG_PATH": CONFIGURATION}

    @property
    def secrets(self) -> dict[str, ecs.Secret]:
        return {
            "MLFLOW_AUTH_ADMIN_USERNAME": ecs.Secret.from_secrets_manager(self.credentials, "username"),
            "MLFLOW_AUTH_ADMIN_PASSWORD": ecs.Secret.from_secrets_manager(self.credentials, "password"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": ecs.Secret.from_secrets_manager(self._sessions),
        }
