"""A DBInstance of RDS as a real PostgreSQL: what CloudFormation and the API ask of MiniStack's record happens to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import rds
from ministack.services.cloudformation import provisioners

from twin.emulator import control
from twin.emulator.postgres import Postgres, Wish
from twin.folder import Twin, TwinError

HOSTS = range(2, 10)
KIND = "AWS::RDS::DBInstance"
Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
logger = logging.getLogger("twin.database")


class Databases:
    """The servers of a twin by the identifiers of their instances."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._servers: dict[str, tuple[str, Postgres]] = {}

    def create(self, record: Record) -> None:
        """Start it and write its address into the record. Raises TwinError."""
        identifier = record["DBInstanceIdentifier"]
        if record["Engine"] != "postgres":
            raise TwinError(f"{identifier}: the twin runs PostgreSQL and no {record['Engine']}")
        address, port = self._free_address(), int(record["Endpoint"]["Port"])
        wish = Wish(
            identifier=identifier,
            address=address,
            port=port,
            user=record["MasterUsername"],
            password=record["_MasterUserPassword"],
            database=record["DBName"],
            parameters=parameters(record),
        )
        server = Postgres(self._twin, wish)
        self._servers[identifier] = address, server
        try:
            server.create()
        except TwinError:
            self.delete(identifier)
            raise
        record["Endpoint"]["Address"] = address

    def delete(self, identifier: str) -> None:
        _, server = self._servers.pop(identifier, ("", None))
        if server is not None:
            server.remove()

    def reboot(self, record: Record) -> None:
        """With the parameters that its group has by now."""
        server = self.of(record)
        if server is not None:
            server.restart(parameters(record))

    def of(self, record: Record) -> Postgres | None:
        return self._servers.get(record["DBInstanceIdentifier"], ("", None))[1]

    def stop_all(self) -> None:
        for _, server in self._servers.values():
            server.stop()

    def _free_address(self) -> str:
        taken = {address for address, _ in self._servers.values()}
        for host in HOSTS:
            if (address := self._twin.address(host)) not in taken:
                return address
        raise TwinError(f"the twin has addresses for {len(HOSTS)} databases, and all are taken")


def parameters(record: Record) -> dict[str, str]:
    """What the instance's parameter group sets."""
    group = rds._param_groups.get(record["DBParameterGroups"][0]["DBParameterGroupName"]) or {}
    found: Mapping[str, Any] = group.get("Parameters", {})
    return {
        name: str(value["ParameterValue"] if isinstance(value, Mapping) else value) for name, value in found.items()
    }


def install(twin: Twin) -> None:
    databases = Databases(twin)
    control.at_end(databases.stop_all)
    _install_templates(databases)
    _install_api(databases)


def _install_templates(databases: Databases) -> None:
    """A replacement calls the functions by their names in the module, everything else those of the table."""
    create_record = provisioners._rds_db_instance_create
    update_record = provisioners._rds_db_instance_update
    delete_record = provisioners._rds_db_instance_delete

    def create(logical_id: str, properties: Record, stack: str) -> tuple[str, Record]:
        identifier, _ = create_record(logical_id, properties, stack)
        record = rds._instances[identifier]
        try:
            databases.create(record)
        except TwinError:
            delete_record(identifier, properties)
            raise
        return identifier, provisioners._rds_db_instance_attrs(record)

    def update(identifier: str, old: Record, new: Record, *rest: Any) -> tuple[str, Record]:
        answer: tuple[str, Record] = update_record(identifier, old, new, *rest)
        password = new.get("MasterUserPassword")
        if answer[0] == identifier and password not in (None, old.get("MasterUserPassword")):
            _change_password(databases, rds._instances[identifier], password)
        return answer

    def delete(identifier: str, properties: Record) -> None:
        # A snapshot that the template asks for is a record alone: the data goes.
        databases.delete(identifier)
        delete_record(identifier, properties)

    provisioners._rds_db_instance_create = create
    provisioners._rds_db_instance_delete = delete
    provisioners._RESOURCE_HANDLERS[KIND].update(create=create, update=update, delete=delete)


def _install_api(databases: Databases) -> None:
    def finish_reboot(record: Record, _cluster: Record | None) -> None:
        try:
            databases.reboot(record)
            rds._record_reboot_event(record)
            record["DBInstanceStatus"] = "available"
        except TwinError as error:
            logger.error("%s", error)
            record["DBInstanceStatus"] = "failed"

    def then(action: str, act: Callable[[Record], None]) -> None:
        """Let an action of the API that succeeds also happen to the server."""
        theirs = rds._ACTION_MAP[action]

        def answer(request: Record) -> Response:
            record = rds._resolve_instance(rds._p(request, "DBInstanceIdentifier"))
            response: Response = theirs(request)
            if record and response[0] < 400:
                act(record)
            return response

        rds._ACTION_MAP[action] = answer

    def stop(record: Record) -> None:
        if server := databases.of(record):
            server.stop()

    def start(record: Record) -> None:
        if server := databases.of(record):
            server.start()

    rds._finish_instance_reboot = finish_reboot
    rds._rotate_instance_password = lambda record, _, password: _change_password(databases, record, password)
    then("DeleteDBInstance", lambda record: databases.delete(record["DBInstanceIdentifier"]))
    then("StopDBInstance", stop)
    then("StartDBInstance", start)


def _change_password(databases: Databases, record: Record, password: str) -> None:
    if server := databases.of(record):
        server.set_password(password)
