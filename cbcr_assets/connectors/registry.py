"""The connectors by the name of their tool.

Belongs here: finding a tool's connector; its module is imported when the tool is first asked for.
Does not belong here: anything about a tool. Which there are says `config.TOOLS`, one line a tool:
the module of each has the tool's name, and one class whose `tool` is that name.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from cbcr_assets.config import TOOLS
from cbcr_assets.connectors.base import Connector


class _Lazy(Mapping[str, Connector]):
    """Tool name to connector; membership and iteration import nothing."""

    def __getitem__(self, tool: str) -> Connector:
        if tool not in TOOLS:
            raise KeyError(tool)
        return _built(tool)

    def __contains__(self, tool: object) -> bool:
        return tool in TOOLS

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(TOOLS))

    def __len__(self) -> int:
        return len(TOOLS)


CONNECTORS: Mapping[str, Connector] = _Lazy()
"""All connectors by tool."""


def connector(tool: str) -> Connector:
    """Return the connector of a tool.

    Raises:
        KeyError: There is none; the message lists those that exist.
    """
    if tool not in CONNECTORS:
        raise KeyError(f"no connector for tool {tool!r}; there are: {', '.join(CONNECTORS)}")
    return CONNECTORS[tool]


@cache
def _built(tool: str) -> Connector:
    module = import_module(f"cbcr_assets.connectors.{tool}")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and getattr(value, "tool", None) == tool
    )
    built: Connector = found()
    return built
