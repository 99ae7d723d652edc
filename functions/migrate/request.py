"""What CloudFormation asks, as a type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aws_lambda_powertools.utilities.parser import BaseModel, Field
from pydantic import BeforeValidator, ConfigDict
from pydantic.alias_generators import to_pascal


class Received(BaseModel):
    """Takes what it needs; CloudFormation adds fields as it likes."""

    model_config = ConfigDict(frozen=True, alias_generator=to_pascal, populate_by_name=True)


class Migration(Received):
    """Which task migrates, and where it runs. `log_stream` is what the streams begin with."""

    released: bool
    cluster: str
    task_definition: str
    subnets: tuple[str, ...] = Field(min_length=1)
    security_group: str
    public_ip: Literal["ENABLED", "DISABLED"]
    log_group: str
    log_stream: str


class Request(Received):
    """The part that each request has, whatever else may be wrong with it."""

    request_type: Literal["Create", "Update", "Delete"]
    request_id: str
    stack_id: str
    logical_resource_id: str
    response_url: Annotated[str, Field(alias="ResponseURL", pattern=r"^https?://")]
    physical_resource_id: str = "migration"
    resource_properties: Annotated[dict[str, Any], BeforeValidator(dict)]

    @property
    def migration(self) -> Migration:
        """Raises pydantic's ValidationError where the stack gives the function something else."""
        return Migration.model_validate(self.resource_properties)
