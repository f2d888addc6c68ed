"""The connectors by the name of their tool.

Belongs here: one line a tool; a module is imported when its tool is first asked for.
Does not belong here: anything about a tool.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from cbcr_assets.connectors.base import Connector

_CLASSES = {
    "aws_backup": "cbcr_assets.connectors.aws_backup:AwsBackup",
    "bacula": "cbcr_assets.connectors.bacula:Bacula",
    "barman": "cbcr_assets.connectors.barman:Barman",
    "borg": "cbcr_assets.connectors.borg:Borg",
    "cbcr": "cbcr_assets.connectors.cbcr:Cbcr",
    "mariadb": "cbcr_assets.connectors.mariadb:MariaDb",
    "openmetrics": "cbcr_assets.connectors.openmetrics:OpenMetrics",
    "pgbackrest": "cbcr_assets.connectors.pgbackrest:PgBackRest",
    "postgresql": "cbcr_assets.connectors.postgresql:PostgreSql",
    "prometheus": "cbcr_assets.connectors.prometheus:Prometheus",
    "restic": "cbcr_assets.connectors.restic:Restic",
    "velero": "cbcr_assets.connectors.velero:Velero",
    "walg": "cbcr_assets.connectors.walg:WalG",
}


class _Lazy(Mapping[str, Connector]):
    """Tool name to connector; membership and iteration import nothing."""

    def __getitem__(self, tool: str) -> Connector:
        return _built(_CLASSES[tool])

    def __contains__(self, tool: object) -> bool:
        return tool in _CLASSES

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


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
def _built(path: str) -> Connector:
    module, _, name = path.partition(":")
    built: Connector = getattr(import_module(module), name)()
    return built
