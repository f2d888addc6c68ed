"""cbcr.yaml: sources, warehouse, lanes, links.

Belongs here: the model of that file and its checks. Does not belong here: inventory and alerting.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cbcr_assets.config.problems import ConfigError, Document, Problem, closest, load_yaml, validate
from cbcr_assets.config.values import Cron, Name, PositiveSeconds, Zone

# What each tool leaves behind. A new tool is one line here and one connector module.
TOOLS: dict[str, frozenset[str]] = {
    "pgbackrest": frozenset({"info", "backup_log", "restore_log", "expire_log", "verify_log"}),
    "cbcr": frozenset({"catalog", "job_log", "drill"}),
}
_TRANSPORTS = ("drop", "command", "file", "sql")
# A sensor's tick is abandoned after 60 s; a feed must give up before that.
_LONGEST_TIMEOUT_S = 45.0
_STRICT = ConfigDict(extra="forbid", frozen=True)
_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")


class _Feed(BaseModel):
    model_config = _STRICT
    kind: str | None = None
    drop: Path | None = None
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    file: str | None = None
    sql: str | None = None
    timeout: PositiveSeconds = 20.0

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        given = [name for name in _TRANSPORTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a feed has exactly one of {', '.join(_TRANSPORTS)}, not {given}")
        if self.drop is not None and self.kind is not None:
            raise ValueError("a drop feed has no kind: its folders name the kinds")
        if self.drop is None and self.kind is None:
            raise ValueError(f"a {given[0]} feed needs a kind")
        if self.timeout >= _LONGEST_TIMEOUT_S:
            raise ValueError(f"timeout must be shorter than {_LONGEST_TIMEOUT_S:.0f}s")
        if self.sql is not None and _PASSWORD.search(self.sql):
            raise ValueError(
                "this URL holds a password; secrets are references: write sql: env:NAME"
            )
        return self


class _Source(BaseModel):
    model_config = _STRICT
    tool: str
    timezone: Zone = "UTC"
    every: PositiveSeconds = 30.0
    stale_after: PositiveSeconds = 3600.0
    names_are_instance_ids: bool | None = None
    feeds: Annotated[tuple[_Feed, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _stale_later_than_asked(self) -> Self:
        if self.stale_after <= self.every:
            raise ValueError("stale_after must be longer than every, or it would always be stale")
        return self


class _Warehouse(BaseModel):
    model_config = _STRICT
    path: Path | None = None
    serving: Path | None = None
    keep_snapshots: Annotated[int, Field(ge=1, le=100)] = 3


class _Links(BaseModel):
    model_config = _STRICT
    dashboard: str = "http://127.0.0.1:8501"
    dagster: str = "http://127.0.0.1:3000"


class _Lanes(BaseModel):
    model_config = _STRICT
    heartbeat: PositiveSeconds = 900.0
    build_every: Cron = "*/5 * * * *"


class _File(BaseModel):
    model_config = _STRICT
    sources: Annotated[dict[Name, _Source], Field(min_length=1)]
    inventory: Path = Path("inventory.yaml")
    alerting: Path = Path("alerting.yaml")
    warehouse: _Warehouse = _Warehouse()
    links: _Links = _Links()
    lanes: _Lanes = _Lanes()


@dataclass(frozen=True)
class FeedConfig:
    """One way to hear from a source; exactly one of drop, command, file and sql is set.

    Attributes:
        kind: What is read, such as `info`; None for a drop folder, whose folders say it.
        drop: Inbox; files lie in `DIR/<source_id>/<kind>/`.
        command: Program and arguments, run without a shell.
        file: Glob of append-only logs.
        sql: SQLAlchemy URL, or a reference to one.
        timeout_s: When to give up, seconds.
    """

    kind: str | None
    drop: Path | None
    command: tuple[str, ...] | None
    file: str | None
    sql: str | None
    timeout_s: float


@dataclass(frozen=True)
class SourceConfig:
    """One source: a backup tool somewhere.

    Attributes:
        source_id: Its id.
        tool: Which connector reads it.
        timezone: IANA zone of stamps without an offset.
        every_s: Seconds between two readings.
        stale_after_s: Without a good reading for this long it is stale, seconds.
        names_are_instance_ids: Its names of instances are those of the inventory.
        feeds: How it is heard.
    """

    source_id: str
    tool: str
    timezone: str
    every_s: float
    stale_after_s: float
    names_are_instance_ids: bool
    feeds: tuple[FeedConfig, ...]


@dataclass(frozen=True)
class Config:
    """The loaded cbcr.yaml; every path is absolute.

    Attributes:
        file: The file itself.
        home: Folder of all state.
        warehouse: The live DuckDB file.
        serving: Folder of published snapshots.
        keep_snapshots: Snapshots kept.
        sources: By id.
        inventory: Inventory file.
        alerting: Alerting policy file.
        dashboard_url: Where people find Streamlit.
        dagster_url: Where people find the Dagster UI.
        heartbeat_s: The rules are evaluated at least this often, seconds.
        build_every: Cron expression: models are built at most this often.
    """

    file: Path
    home: Path
    warehouse: Path
    serving: Path
    keep_snapshots: int
    sources: dict[str, SourceConfig]
    inventory: Path
    alerting: Path
    dashboard_url: str
    dagster_url: str
    heartbeat_s: float
    build_every: str


def load_config(path: Path, *, environ: Mapping[str, str]) -> Config:
    """Load cbcr.yaml.

    Args:
        path: The file.
        environ: `CBCR_HOME` in it names the folder of all state.

    Raises:
        ConfigError: With every problem.
    """
    document = load_yaml(path)
    model = validate(_File, document)
    if problems := _unknown_tools(document, model):
        raise ConfigError(problems)
    root = path.absolute().parent
    home = Path(environ["CBCR_HOME"]) if environ.get("CBCR_HOME") else root / ".cbcr"
    home = home.absolute()
    warehouse = model.warehouse
    return Config(
        file=path.absolute(),
        home=home,
        warehouse=root / warehouse.path if warehouse.path else home / "warehouse" / "cbcr.duckdb",
        serving=root / warehouse.serving if warehouse.serving else home / "serving",
        keep_snapshots=warehouse.keep_snapshots,
        sources={name: _source(name, source, root) for name, source in model.sources.items()},
        inventory=root / model.inventory,
        alerting=root / model.alerting,
        dashboard_url=model.links.dashboard.rstrip("/"),
        dagster_url=model.links.dagster.rstrip("/"),
        heartbeat_s=model.lanes.heartbeat,
        build_every=model.lanes.build_every,
    )


def _unknown_tools(document: Document, model: _File) -> list[Problem]:
    problems = []
    for name, source in model.sources.items():
        path = ("sources", name)
        if source.tool not in TOOLS:
            known = sorted(TOOLS)
            message = f"{source.tool!r} is not one of {', '.join(known)}"
            problems.append(
                document.problem((*path, "tool"), message, closest(source.tool, known))
            )
            continue
        kinds = sorted(TOOLS[source.tool])
        for index, feed in enumerate(source.feeds):
            if feed.kind is not None and feed.kind not in kinds:
                message = f"{source.tool} has no kind {feed.kind!r}; it has {', '.join(kinds)}"
                where = (*path, "feeds", index, "kind")
                problems.append(document.problem(where, message, closest(feed.kind, kinds)))
    return problems


def _source(name: str, source: _Source, root: Path) -> SourceConfig:
    own_names = source.names_are_instance_ids
    return SourceConfig(
        name,
        source.tool,
        source.timezone,
        source.every,
        source.stale_after,
        source.tool == "cbcr" if own_names is None else own_names,
        tuple(_feed(feed, root) for feed in source.feeds),
    )


def _feed(feed: _Feed, root: Path) -> FeedConfig:
    return FeedConfig(
        feed.kind,
        root / feed.drop if feed.drop is not None else None,
        feed.command,
        str(root / feed.file) if feed.file is not None else None,
        feed.sql,
        feed.timeout,
    )
