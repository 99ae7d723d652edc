"""What each image is made of: the same bytes give its tag and, as a tar, the whole build context.

So a tag names content. An image that a repository already has under its tag need not be built, and nothing that is
not listed here, such as a data folder or a password, can reach an image.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIGITS = 16
ARM, X86 = "linux/arm64", "linux/amd64"


class InputError(Exception):
    """An image's inputs are not all there; the message names the pattern."""


@dataclass(frozen=True)
class Image:
    """An image of this project; `inputs` are patterns below the checkout's root.

    `platform` is what runs it in the cloud: Fargate on Graviton for what serves, and x86 for what trains, since
    SageMaker trains on nothing else and CodeBuild takes the same image.
    """

    name: str
    platform: str
    inputs: tuple[str, ...]

    @property
    def dockerfile(self) -> str:
        return f"docker/{self.name}.Dockerfile"


SERVICE_CODE = ("service/**/*.py", "service/web/*")
IMAGES = {
    image.name: image
    for image in (
        Image("service", ARM, ("docker/healthy.py", "requirements/service.txt", *SERVICE_CODE)),
        Image(
            "training",
            X86,
            (
                "requirements/build.txt", "requirements/ml.txt", "dvc.yaml", "params.yaml", ".dvc/config",
                "ml/**/*.py", "ml/problems/*.yaml", "ml/page/*.j2", "ml/page/*.css", *SERVICE_CODE,
            ),
        ),
        Image("mlflow", ARM, ("docker/healthy.py", "docker/mlflow-auth.ini", "requirements/mlflow.txt")),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A file of the context; of its mode only whether it may be executed counts, as in git."""

    name: str
    mode: int
    content: bytes


def entries(image: Image, root: Path = ROOT) -> list[Entry]:
    """The files of the image in a fixed order. Raises InputError for a pattern that no file matches."""
    found: dict[str, Path] = {}
    for pattern in (image.dockerfile, *image.inputs):
        matches = [path for path in root.glob(pattern) if path.is_file()]
        if not matches:
            raise InputError(f"no file matches {pattern}, an input of the {image.name} image")
        found |= {path.relative_to(root).as_posix(): path for path in matches}
    return [_entry(name, found[name]) for name in sorted(found)]


def tag(image: Image, platform: str, root: Path = ROOT) -> str:
    """Content and architecture, such as `0123456789abcdef-arm64`; `platform` is `linux/arm64`."""
    digest = hashlib.sha256()
    for entry in entries(image, root):
        head = f"{len(entry.name)} {entry.name} {entry.mode:o} {len(entry.content)}\n"
        digest.update(head.encode() + entry.content)
    return f"{digest.hexdigest()[:DIGITS]}-{platform.rpartition('/')[2]}"


def context(image: Image, root: Path = ROOT) -> bytes:
    """The build context as a tar without owners and times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries(image, root):
            member = tarfile.TarInfo(entry.name)
            member.size, member.mode = len(entry.content), entry.mode
            tar.addfile(member, io.BytesIO(entry.content))
    return buffer.getvalue()


def _entry(name: str, path: Path) -> Entry:
    return Entry(name, 0o755 if path.stat().st_mode & 0o100 else 0o644, path.read_bytes())
