"""Starter files that `cbcr init` and `cbcr up` copy.

Belongs here: the files and their reading. Does not belong here: defaults (the models own them).
"""

from importlib.resources import files


def read_template(name: str) -> str:
    """Return the text of a starter file."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
