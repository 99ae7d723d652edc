"""What every AWS account finds there already and an emulator has not: AWS' public parameters, and the layer of one.

A fake: the Powertools layer is made of this environment's packages, whatever Python and architecture the template
names. It does not prove that AWS' own layer has the version that the functions were tested with.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from twin import inventory
from twin.cloud import Cloud
from twin.folder import TwinError

PUBLIC = "AWS::SSM::Parameter::Value"
AWS_OWN = "/aws/service/"
IMAGE = re.compile(r"/aws/service/ami-amazon-linux-latest/[\w.-]+")
POWERTOOLS = re.compile(r"/aws/service/powertools/python/(?P<architecture>\w+)/(?P<python>python[\d.]+)/latest")
LAYER = "aws-lambda-powertools[parser]"
"""The distribution, with the extras of which this project's functions make use; AWS' own layer has all of them."""
Seed = Callable[[Cloud, re.Match[str]], str]


def sow(cloud: Cloud, assembly: Path) -> dict[str, str]:
    """Give the public parameters that the templates ask for their values, then note what the account holds.

    Once for a twin: what is noted is what there was before the first deployment. Raises TwinError for an unknown
    parameter.
    """
    values = {name: _value(cloud, name) for name in asked_for(assembly)}
    cloud.control.post("/parameters", values)
    inventory.remember(cloud, assembly)
    return values


def asked_for(assembly: Path) -> list[str]:
    """The names of AWS' public parameters that the assembly's templates take values from."""
    names: set[str] = set()
    for path in sorted(assembly.glob("assembly-*/*.template.json")):
        parameters: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text()).get("Parameters", {})
        names |= {
            parameter["Default"]
            for parameter in parameters.values()
            if parameter["Type"].startswith(PUBLIC) and str(parameter.get("Default", "")).startswith(AWS_OWN)
        }
    return sorted(names)


def _value(cloud: Cloud, name: str) -> str:
    for pattern, seed in SEEDS.items():
        if match := pattern.fullmatch(name):
            return seed(cloud, match)
    raise TwinError(f"a template asks for {name}, a public parameter that the twin does not know: add it to {__name__}")


def _image(_: Cloud, match: re.Match[str]) -> str:
    """An id of the right form: no machine is ever started from it."""
    return f"ami-{hashlib.sha256(match[0].encode()).hexdigest()[:17]}"


def _powertools(cloud: Cloud, match: re.Match[str]) -> str:
    found = closure(LAYER)
    versions = ", ".join(f"{canonicalize_name(each.name)} {each.version}" for each in found)
    published = cloud.client("lambda").publish_layer_version(
        LayerName=f"AWSLambdaPowertoolsPythonV3-{match['python'].replace('.', '')}-{match['architecture']}",
        Description=f"This environment's {versions}"[:256],
        Content={"ZipFile": packed(found)},
    )
    return str(published["LayerVersionArn"])


SEEDS: Mapping[re.Pattern[str], Seed] = {IMAGE: _image, POWERTOOLS: _powertools}


def closure(requirement: str) -> list[Distribution]:
    """The installed distributions that a requirement needs, with its extras, by name. Raises TwinError."""
    found: dict[str, Distribution] = {}
    wanted = [Requirement(requirement)]
    while wanted:
        each = wanted.pop()
        name = canonicalize_name(each.name)
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            raise TwinError(f"{name} is not installed: `make .venv/.test` does it") from None
        wanted += _required(found[name], each.extras)
    return [found[name] for name in sorted(found)]


def packed(distributions: list[Distribution]) -> bytes:
    """A layer's zip: their files under `python/`; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each in distributions:
            for name, path in _files(each):
                member = zipfile.ZipInfo(f"python/{name}")
                member.external_attr = 0o644 << 16
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _required(found: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in found.requires or ():
        each = Requirement(line)
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield each


def _files(found: Distribution) -> Iterator[tuple[str, Path]]:
    """Not what lies outside of the packages' folder, such as commands, and no bytecode."""
    for file in sorted(found.files or ()):
        path = Path(str(found.locate_file(file)))
        if ".." not in file.parts and "__pycache__" not in file.parts and path.is_file():
            yield file.as_posix(), path
