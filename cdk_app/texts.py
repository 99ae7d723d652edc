"""The texts that a configuration holds, each with what it must look like, for a machine and in words."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def text(pattern: str, allowed: str) -> AfterValidator:
    """For a text that matches the whole pattern, which `allowed` describes to a person."""

    def check(given: str) -> str:
        if re.fullmatch(pattern, given) is None:
            raise ValueError(f"{given!r} is not {allowed}")
        return given

    return AfterValidator(check)


Problem = Annotated[
    str, text(r"[a-z][a-z0-9_]{0,30}", "the name of a problem: 31 small letters, digits and _ at most, a letter first")
]
Email = Annotated[str, text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address like name@example.com")]
Domain = Annotated[str, text(r"([a-z0-9-]+\.)+[a-z]{2,}", "a domain like example.com")]
BucketName = Annotated[
    str,
    text(
        r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "the name of a bucket: 3 to 63 small letters, digits, hyphens and single dots, a letter or digit at both ends",
    ),
]
Certificate = Annotated[
    str,
    text(
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+",
        "the ARN of a certificate: arn:aws:acm:REGION:ACCOUNT:certificate/ID",
    ),
]
Connection = Annotated[
    str,
    text(
        r"arn:aws[a-z-]*:code(connections|star-connections):[a-z0-9-]+:\d{12}:connection/.+",
        "the ARN of a connection: arn:aws:codeconnections:REGION:ACCOUNT:connection/ID",
    ),
]
Provider = Annotated[
    str,
    text(
        r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/.+",
        "the ARN of an OIDC provider: arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com",
    ),
]
OnGithub = Annotated[str, text(r"[A-Za-z0-9._-]+", "a name on GitHub, owner and repository each by itself")]
Account = Annotated[str, text(r"[0-9]{12}", "an account id, which has 12 digits")]
Region = Annotated[str, text(r"[a-z]{2}(-[a-z]+)+-\d", "a region like us-east-1")]
Schedule = Annotated[str, text(r"(rate|cron)\(.+\)", "a schedule like rate(7 days) or cron(0 6 ? * MON *)")]
DatabaseType = Annotated[
    str, text(r"[a-z0-9]+\.[a-z0-9]+", "an RDS instance type without its `db.`, such as t4g.micro")
]
TrainingType = Annotated[str, text(r"ml\.[a-z0-9]+\.[a-z0-9]+", "a SageMaker instance type like ml.m5.xlarge")]
EnvironmentName = Annotated[
    str, text(r"[a-z][a-z0-9]{1,11}", "the name of an environment: 2 to 12 small letters and digits, a letter first")
]
