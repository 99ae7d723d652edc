"""What git says of the code that ran: the commit, and a patch of what was not committed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ml.errors import UserError

NOT_CODE = ("--", ".", ":(exclude)dvc.lock")


@dataclass(frozen=True)
class Code:
    """`patch` is empty where the tracked files are as committed."""

    commit: str
    patch: bytes

    @property
    def dirty(self) -> bool:
        return bool(self.patch)


def read_code(root: Path) -> Code:
    """The checkout's code; commit `unknown` where there is no git history."""
    try:
        commit = git(root, "rev-parse", "HEAD").decode().strip()
        return Code(commit, git(root, "diff", "HEAD", "--binary", *NOT_CODE))
    except UserError:
        return Code("unknown", b"")


def git(root: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """Standard output of a git command. Raises UserError with git's last line."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, input=stdin, capture_output=True, check=True)
    except FileNotFoundError as error:
        raise UserError("git is not installed") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(f"git {arguments[0]} failed: {said[-1] if said else error.returncode}") from error
    return done.stdout
