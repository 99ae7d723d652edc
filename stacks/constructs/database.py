"""PostgreSQL for one program: encrypted, backed up, closed to whoever is not let in."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.logs import OwnedLogGroup, stack_uuid
from stacks.constructs.secret_key import secret_key
from stacks.lifetime import Lifetime
from stacks.placement import Placement
from stacks.sizes import DatabaseSize

PORT = 5432
EXPORTS = ("postgresql", "upgrade")


class PostgresDatabase(rds.DatabaseInstance):
    """One database and one user, both called `name`. `protect`: not to be deleted, watched, its logs kept."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        placement: Placement,
        size: DatabaseSize,
        protect: bool,
        lifetime: Lifetime,
    ) -> None:
        # The major version alone: the minor one moves by itself, and a template may not ask for an older one.
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17)
        logs = DatabaseLogs(scope, f"{id}Logs", name=name, lifetime=lifetime) if protect else None
        access = ec2.SecurityGroup(
            scope, f"{id}Access", vpc=placement.vpc, allow_all_outbound=False, description="The database"
        )
        parameters = rds.ParameterGroup(scope, f"{id}Parameters", engine=engine, parameters={"rds.force_ssl": "1"})
        super().__init__(
            scope,
            id,
            engine=engine,
            instance_identifier=logs.identifier if logs else None,
            database_name=name,
            port=PORT,
            credentials=rds.Credentials.from_generated_secret(name, encryption_key=secret_key(access, lifetime)),
            vpc=placement.vpc,
            vpc_subnets=placement.data,
            security_groups=[access],
            instance_type=ec2.InstanceType(size.instance),
            storage_type=rds.StorageType.GP3,
            allocated_storage=size.storage,
            storage_encrypted=True,
            storage_encryption_key=lifetime.key,
            multi_az=size.multi_az,
            backup_retention=cdk.Duration.days(size.backup_days),
            delete_automated_backups=not lifetime.keep,
            deletion_protection=protect,
            removal_policy=lifetime.removal,
            auto_minor_version_upgrade=True,
            parameter_group=parameters,
            cloudwatch_logs_exports=list(EXPORTS) if logs else None,
            monitoring_interval=cdk.Duration.minutes(1) if logs else None,
        )
        if logs:
            self.node.add_dependency(logs)
        self._name = name
        # What the kept database goes on using.
        for part in (self.node.find_child("Secret"), access, parameters):
            assert isinstance(part, cdk.Resource)
            part.apply_removal_policy(lifetime.removal)
        acknowledge(self, ALWAYS)
        acknowledge(self, {} if size.multi_az else ONE_ZONE)
        acknowledge(self, PROTECTED if protect else UNPROTECTED)

    def admit(self, guest: ec2.SecurityGroup) -> None:
        """Members of the group may connect, if they have the password."""
        self.connections.allow_from(guest, ec2.Port.tcp(PORT), "Those who may connect")

    @property
    def environment(self) -> dict[str, str]:
        """Where libpq finds the database, so that a bare URI is enough; the password comes as PGPASSWORD."""
        return {
            "PGHOST": self.db_instance_endpoint_address,
            "PGPORT": str(PORT),
            "PGUSER": self._name,
            "PGDATABASE": self._name,
            "PGSSLMODE": "require",
            "PGCONNECT_TIMEOUT": "10",
        }

    @property
    def login(self) -> secretsmanager.ISecret:
        """Holds `username` and `password`."""
        assert self.secret is not None
        return self.secret


class DatabaseLogs(Construct):
    """Owned groups for what the database logs.

    RDS makes them otherwise, and names them after the instance: so that has its name before it exists. The name comes
    from the stack's own id, and is free again for a stack that is made anew beside the old, kept database.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        self.identifier = f"{name}-{stack_uuid(self)}"
        for kind in EXPORTS:
            group = f"/aws/rds/instance/{self.identifier}/{kind}"
            OwnedLogGroup(self, kind.capitalize(), lifetime=lifetime, name=group)


FIXED = (
    "The server reads its password when it starts, so one that changes by itself would lock it out. To change it: set "
    "it in the secret and in the database, then deploy the service again."
)
ALWAYS = {
    "AwsSolutions-RDS11": "One security group lets in one other; whoever is past that would find any port.",
    "AwsSolutions-SMG4": FIXED,
    "NIST.800.53.R5-SecretsManagerRotationEnabled": FIXED,
}
ONE_ZONE = {"AwsSolutions-RDS3": "A second zone doubles the price: the environment says whether it has one."}
UNPROTECTED = {"AwsSolutions-RDS10": "The environment says that it keeps nothing: `cdk destroy` takes it all."}
PROTECTED = {
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]": (
        "RDS asks for this very policy, which writes to the one log group of its enhanced monitoring."
    ),
    "NIST.800.53.R5-RDSInBackupPlan": "RDS itself keeps daily snapshots and the log to any second between them; a "
    "backup plan would be a second copy of the same.",
}
