"""AWS' public parameters that the templates ask for, and the layer that one of them names."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

from ministack.services import lambda_svc, ssm

from twin.folder import ROOT, Twin

LAYER = "AWSLambdaPowertoolsPythonV3"
POWERTOOLS = "/aws/service/powertools/python/arm64/python3.13/latest"
PACKAGES = (
    "annotated_types",
    "aws_lambda_powertools",
    "jmespath",
    "pydantic",
    "pydantic_core",
    "typing_extensions.py",
    "typing_inspection",
)
"""What the layer holds on AWS, as far as the functions of this project import it."""


def install(_: Twin) -> None:
    """A fake: the layer is made of the project's own packages, for the Python and the machine of this twin."""
    ssm._PUBLIC_AMI_PARAMETERS.update({
        POWERTOOLS: _publish(_zipped(_site())),
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64": "ami-0c2023a1b2c3d4e5f",
    })  # fmt: skip


def _site() -> Path:
    return next((ROOT / ".venv/lib").glob("python3.*/site-packages"))


def _zipped(site: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for package in PACKAGES:
            top = site / package
            for path in [top] if top.is_file() else sorted(top.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, Path("python") / path.relative_to(site))
    return buffer.getvalue()


def _publish(content: bytes) -> str:
    content_of = {"ZipFile": base64.b64encode(content).decode()}
    _, _, body = lambda_svc._publish_layer_version(LAYER, {"Content": content_of})
    return str(json.loads(body)["LayerVersionArn"])
