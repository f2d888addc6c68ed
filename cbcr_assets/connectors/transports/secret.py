"""Secret references of feeds: `env:NAME` and `file:PATH`.

Belongs here: turning a reference into its value at the last moment.
Does not belong here: storing or showing it.
"""

from collections.abc import Mapping
from pathlib import Path


class SecretError(Exception):
    """A reference leads nowhere; the message names the reference, never a value."""


def resolve(reference: str, *, environ: Mapping[str, str]) -> str:
    """Return what a reference refers to; text that is no reference is returned as it is.

    Raises:
        SecretError: The variable is not set, or the file cannot be read.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        if not environ.get(name):
            raise SecretError(f"the environment variable {name} is not set; set it and restart")
        return environ[name]
    if scheme == "file" and not name.startswith("//"):
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SecretError(f"the secret file {name} cannot be read: {reason}") from error
    return reference
