"""The commented starter files that `cbcr init` and `cbcr up` copy.

Belongs here: the files, and reading them out of the installed package.
Does not belong here: where they are written.
"""

from importlib.resources import files


def read_template(name: str) -> str:
    """Return the text of a starter file, such as `cbcr.yaml`.

    Raises:
        FileNotFoundError: There is none of that name.
    """
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
