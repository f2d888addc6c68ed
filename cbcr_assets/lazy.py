"""Names of a package that are imported when they are first asked for.

Belongs here: the one `__getattr__` of packages whose names need what costs more than an idle pull
(Polars, DuckDB, SQLAlchemy). Does not belong here: which names these are; the package says it.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def imported_when_asked(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Args:
        package: Its full name.
        homes: Each name that it gives, and the module of the package that holds it.
    """

    def get(name: str) -> Any:
        """Import a name.

        Raises:
            AttributeError: The package gives no such name.
        """
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return get
