"""cbcr.yaml: sources, warehouse, lanes, links.

Belongs here: the model of that file, and what the rest of CBCR sees of it.
Does not belong here: rules that join several keys (see feeds), the inventory, the alerting policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from cbcr_assets.config.dashboards import Dashboards, SectionOfDashboards, dashboards_problems
from cbcr_assets.config.document import Refused
from cbcr_assets.config.feeds import (
    BearerReference,
    Command,
    HttpAddress,
    ObjectsAddress,
    SqlAddress,
    feed_problems,
    source_problems,
    sql_beside,
    written_glob,
)
from cbcr_assets.config.problems import load_yaml, validate
from cbcr_assets.config.reports import Reports
from cbcr_assets.config.retention import Retention, retention_problems
from cbcr_assets.config.values import (
    LISTING,
    SECTION,
    Cron,
    Name,
    PositiveSeconds,
    Secret,
    SecretRef,
    WebAddress,
    WrittenPath,
    Zone,
)

# A sensor's tick is abandoned after 60 s; a feed must give up before that.
_LONGEST_TIMEOUT_S = 45.0
_STRICT = ConfigDict(extra="forbid", frozen=True)


class _Feed(BaseModel):
    model_config = _STRICT
    kind: str | None = None
    drop: WrittenPath | None = None
    objects: ObjectsAddress | None = None
    command: Command | None = None
    file: WrittenPath | None = None
    sql: SqlAddress | None = None
    http: HttpAddress | None = None
    bearer: BearerReference | None = None
    ca_file: WrittenPath | None = None
    timeout: PositiveSeconds = Field(default="20s", validate_default=True)

    @field_validator("timeout")
    @classmethod
    def _ends_before_the_tick(cls, value: float) -> float:
        if value >= _LONGEST_TIMEOUT_S:
            raise Refused(
                f"a feed gives up before {_LONGEST_TIMEOUT_S:g}s, or it would hold up its sensor"
            )
        return value


class _Source(BaseModel):
    model_config = _STRICT
    tool: str
    timezone: Zone = "UTC"
    every: PositiveSeconds = Field(default="30s", validate_default=True)
    stale_after: PositiveSeconds = Field(default="1h", validate_default=True)
    names_are_instance_ids: bool | None = None
    feeds: Annotated[tuple[_Feed, ...], Field(min_length=1), LISTING]

    @field_validator("stale_after")
    @classmethod
    def _later_than_asked(cls, value: float, info: ValidationInfo) -> float:
        if value <= info.data.get("every", 0.0):
            raise Refused("must be longer than `every`, or the source would always be stale")
        return value


class _Warehouse(BaseModel):
    model_config = _STRICT
    path: WrittenPath | None = None
    serving: WrittenPath | None = None
    keep_snapshots: Annotated[int, Field(ge=1, le=100)] = 3


class _Links(BaseModel):
    model_config = _STRICT
    dashboard: WebAddress = "http://127.0.0.1:8501"
    dagster: WebAddress = "http://127.0.0.1:3000"
    runbooks: WebAddress | None = None


class _Lanes(BaseModel):
    model_config = _STRICT
    heartbeat: PositiveSeconds = Field(default="15m", validate_default=True)
    build_every: Cron = "*/5 * * * *"


class SlackButton(BaseModel):
    """Where presses of Slack's Acknowledge button arrive.

    Attributes:
        host: Address to listen on.
        port: Port to listen on.
    """

    model_config = _STRICT
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 9465


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    sources: Annotated[dict[Name, _Source], Field(min_length=1), SECTION]
    inventory: WrittenPath = "inventory.yaml"
    alerting: WrittenPath = "alerting.yaml"
    health: WrittenPath | None = None
    alert_store: Secret | None = None
    warehouse: Annotated[_Warehouse, SECTION] = _Warehouse()
    links: Annotated[_Links, SECTION] = _Links()
    lanes: Annotated[_Lanes, SECTION] = _Lanes()
    retention: Annotated[Retention, SECTION] = Retention()
    reports: Annotated[Reports, SECTION] = Reports()
    slack_button: SlackButton | None = None
    dashboards: SectionOfDashboards = Dashboards()


@dataclass(frozen=True)
class FeedConfig:
    """One way to hear from a source; exactly one of its transports is set.

    Attributes:
        kind: What is read, such as `info`; None for a drop folder, whose folders say it.
        drop: Inbox; files lie in `DIR/<source_id>/<kind>/`.
        objects: URL of a prefix in object storage, with the same folders.
        command: Program and arguments, run without a shell.
        file: Glob of append-only logs.
        sql: SQLAlchemy URL without a password, or a reference (`env:NAME`, `file:PATH`) to one.
        timeout_s: When to give up, seconds.
        http: Address to GET; for tool prometheus that of the server.
        bearer: Reference to its token (`env:NAME`, `file:PATH`).
        ca_file: PEM file of the authority to trust instead of the system's.
    """

    kind: str | None
    drop: Path | None
    command: tuple[str, ...] | None
    file: str | None
    sql: str | None
    timeout_s: float
    objects: str | None = None
    http: str | None = None
    bearer: str | None = None
    ca_file: str | None = None


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
        health: What differs from the health model that CBCR brings; None: nothing.
        reports: Folder of monthly reports.
        reports_cron: When the report of the last month is made, cron expression in UTC.
        reports_signed_off_by: Who signs it.
        alert_store: Where the SQLAlchemy URL of the alert engine's store is; None: SQLite in home.
        dashboard_url: Where people find Streamlit.
        dagster_url: Where people find the Dagster UI.
        heartbeat_s: The rules are evaluated at least this often, seconds.
        build_every: Cron expression: models are built at most this often.
        retention_s: How long groups of tables are kept, seconds; None is for ever.
        runbooks_url: Where people find `docs/runbooks`; empty if nowhere.
        slack_button: Where `cbcr up` listens for Slack's button; None: it does not.
        dashboards: Where the dashboards listen, and to whom.
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
    retention_s: dict[str, float | None]
    reports: Path
    reports_cron: str
    reports_signed_off_by: tuple[str, ...] = ()
    runbooks_url: str = ""
    alert_store: SecretRef | None = None
    slack_button: SlackButton | None = None
    health: Path | None = None
    dashboards: Dashboards = field(default_factory=Dashboards)


def load_config(path: Path, *, environ: Mapping[str, str], content: Path | None = None) -> Config:
    """Load cbcr.yaml.

    Args:
        path: The file; what it names is relative to its folder.
        content: A copy to read in its stead.
        environ: `CBCR_HOME` in it names the folder of all state, else it is `.cbcr` beside the
            file.

    Raises:
        ConfigError: With every problem.
    """
    document = load_yaml(path, content=content)
    model = validate(
        _File, document, source_problems, feed_problems, retention_problems, dashboards_problems
    )
    root = path.absolute().parent
    home = home_of(path, environ)
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
        dashboard_url=model.links.dashboard,
        dagster_url=model.links.dagster,
        heartbeat_s=model.lanes.heartbeat,
        build_every=model.lanes.build_every,
        retention_s=model.retention.ages_s(),
        reports=root / model.reports.folder if model.reports.folder else home / "reports",
        reports_cron=model.reports.cron,
        reports_signed_off_by=model.reports.signed_off_by,
        runbooks_url=model.links.runbooks or "",
        alert_store=model.alert_store,
        slack_button=model.slack_button,
        health=root / model.health if model.health else None,
        dashboards=model.dashboards,
    )


def home_of(path: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder of all state of a cbcr.yaml, whatever that file says."""
    return Path(environ.get("CBCR_HOME") or path.absolute().parent / ".cbcr").absolute()


def _source(name: str, source: _Source, root: Path) -> SourceConfig:
    own_names = source.names_are_instance_ids
    return SourceConfig(
        source_id=name,
        tool=source.tool,
        timezone=source.timezone,
        every_s=source.every,
        stale_after_s=source.stale_after,
        names_are_instance_ids=source.tool == "cbcr" if own_names is None else own_names,
        feeds=tuple(_feed(feed, root) for feed in source.feeds),
    )


def _feed(feed: _Feed, root: Path) -> FeedConfig:
    return FeedConfig(
        kind=feed.kind,
        drop=root / feed.drop if feed.drop is not None else None,
        command=feed.command,
        file=written_glob(root, feed.file) if feed.file is not None else None,
        sql=sql_beside(root, feed.sql) if feed.sql is not None else None,
        timeout_s=feed.timeout,
        objects=feed.objects,
        http=feed.http,
        bearer=None if feed.bearer is None else sql_beside(root, feed.bearer),
        ca_file=None if feed.ca_file is None else str(root / feed.ca_file),
    )
