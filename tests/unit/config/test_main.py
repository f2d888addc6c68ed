"""cbcr.yaml: what it becomes, and what is told about each mistake."""

from pathlib import Path

import pytest

from cbcr_assets.config import TOOLS, ConfigError, FeedConfig, load_config
from cbcr_assets.connectors.registry import CONNECTORS
from cbcr_assets.connectors.transports.sql import FEEDS

EXAMPLE = """\
sources:
  pgbr-main:
    tool: pgbackrest
    timezone: Europe/Berlin
    every: 30s
    stale_after: 15m
    feeds:
      - {kind: info, command: [pgbackrest, info, --output=json], timeout: 10s}
      - {kind: backup_log, file: /var/log/pgbackrest/*-backup.log}
      - {kind: expire_log, file: logs/*.log}
      - {drop: inbox}
  jobs:
    tool: cbcr
    feeds:
      - {kind: catalog, sql: env:CATALOG_URL}
      - {kind: job_log, sql: "sqlite:///jobs.db"}
warehouse: {path: data/w.duckdb, serving: /srv/serving, keep_snapshots: 5}
inventory: fleet/inventory.csv
links: {dashboard: https://cbcr.example.org/, dagster: "http://10.0.0.1:3000", runbooks: https://wiki.example.org/runbooks/}
lanes: {heartbeat: 1h, build_every: "0 * * * *"}
"""
SMALL = "sources: {a: {tool: cbcr, feeds: [{drop: in}]}}\n"


@pytest.fixture
def load(write):
    def load_one(text, **environ):
        return load_config(write("cbcr.yaml", text), environ=environ)

    return load_one


@pytest.fixture
def feed_problems(config_problems):
    """Tell what is wrong in a feed; it is in line 4, and what follows in line 5."""

    def problems_of(feed, tool="pgbackrest"):
        return config_problems(f"sources:\n  a:\n    tool: {tool}\n    feeds: [{feed}]\n")

    return problems_of


def test_a_source(load):
    source = load(EXAMPLE).sources["pgbr-main"]
    assert (source.tool, source.timezone) == ("pgbackrest", "Europe/Berlin")
    assert (source.every_s, source.stale_after_s) == (30.0, 900.0)


def test_feeds_are_beside_the_file(load, tmp_path):
    none = dict.fromkeys(("kind", "drop", "command", "file", "sql")) | {"timeout_s": 20.0}
    assert load(EXAMPLE).sources["pgbr-main"].feeds == (
        FeedConfig(
            **none
            | {
                "kind": "info",
                "command": ("pgbackrest", "info", "--output=json"),
                "timeout_s": 10.0,
            }
        ),
        FeedConfig(**none | {"kind": "backup_log", "file": "/var/log/pgbackrest/*-backup.log"}),
        FeedConfig(**none | {"kind": "expire_log", "file": f"{tmp_path}/logs/*.log"}),
        FeedConfig(**none | {"drop": tmp_path / "inbox"}),
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("env:CATALOG_URL", "env:CATALOG_URL"),
        ("file:secret/url", "file:{root}/secret/url"),
        ("file:/run/url", "file:/run/url"),
        ("sqlite:///jobs.db", "sqlite:///{root}/jobs.db"),
        ("sqlite:////srv/jobs.db", "sqlite:////srv/jobs.db"),
        ("postgresql://reader@db7/jobs", "postgresql://reader@db7/jobs"),
        ("postgresql+psycopg://reader@db7:5432/jobs", "postgresql+psycopg://reader@db7:5432/jobs"),
    ],
)
def test_a_database_address(load, tmp_path, written, read):
    text = f"sources: {{a: {{tool: cbcr, feeds: [{{kind: catalog, sql: '{written}'}}]}}}}"
    assert load(text).sources["a"].feeds[0].sql == read.format(root=tmp_path)


def test_a_folder_with_a_bracket_is_no_part_of_the_pattern(tmp_path):
    folder = tmp_path / "data[1]"
    folder.mkdir()
    text = "sources: {a: {tool: cbcr, feeds: [{kind: job_log, file: '*.jsonl'}]}}"
    (folder / "cbcr.yaml").write_text(text)
    (folder / "x.jsonl").touch()
    pattern = load_config(folder / "cbcr.yaml", environ={}).sources["a"].feeds[0].file
    assert list(Path("/").glob(pattern.lstrip("/"))) == [folder / "x.jsonl"]


def test_only_cbcrs_own_names_are_instance_ids_unless_said_otherwise(load):
    text = (
        "sources:\n"
        "  a: {tool: cbcr, feeds: [{drop: in}]}\n"
        "  b: {tool: pgbackrest, feeds: [{drop: in}]}\n"
        "  c: {tool: cbcr, names_are_instance_ids: false, feeds: [{drop: in}]}\n"
        "  d: {tool: pgbackrest, names_are_instance_ids: true, feeds: [{drop: in}]}\n"
    )
    own = {name: source.names_are_instance_ids for name, source in load(text).sources.items()}
    assert own == {"a": True, "b": False, "c": False, "d": True}


def test_the_rest(load, tmp_path):
    config = load(EXAMPLE)
    assert config.file == tmp_path / "cbcr.yaml"
    assert config.warehouse == tmp_path / "data" / "w.duckdb"
    assert config.serving == Path("/srv/serving")
    assert config.keep_snapshots == 5
    assert config.inventory == tmp_path / "fleet" / "inventory.csv"
    assert config.dashboard_url == "https://cbcr.example.org"
    assert config.dagster_url == "http://10.0.0.1:3000"
    assert config.runbooks_url == "https://wiki.example.org/runbooks"
    assert (config.heartbeat_s, config.build_every) == (3600.0, "0 * * * *")


def test_what_is_not_written(load, tmp_path):
    config = load(SMALL)
    assert config.home == tmp_path / ".cbcr"
    assert config.warehouse == tmp_path / ".cbcr" / "warehouse" / "cbcr.duckdb"
    assert config.serving == tmp_path / ".cbcr" / "serving"
    assert config.keep_snapshots == 3
    assert config.inventory == tmp_path / "inventory.yaml"
    assert config.alerting == tmp_path / "alerting.yaml"
    assert (config.heartbeat_s, config.build_every) == (900.0, "*/5 * * * *")
    assert (config.sources["a"].every_s, config.sources["a"].stale_after_s) == (30.0, 3600.0)


def test_headings_with_nothing_behind_them_are_as_good_as_none(load):
    assert load(SMALL + "warehouse:\nlinks:\nlanes:\n") == load(SMALL)


def test_the_environment_names_the_home(load):
    config = load(SMALL, CBCR_HOME="/var/lib/cbcr")
    assert config.home == Path("/var/lib/cbcr")
    assert config.warehouse == Path("/var/lib/cbcr/warehouse/cbcr.duckdb")


def test_an_empty_home_is_none(load, tmp_path):
    assert load(SMALL, CBCR_HOME="").home == tmp_path / ".cbcr"


def test_paths_do_not_depend_on_the_present_folder(load, tmp_path, monkeypatch):
    load(SMALL)
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("cbcr.yaml"), environ={})
    assert config.file == tmp_path / "cbcr.yaml"
    assert config.sources["a"].feeds[0].drop == tmp_path / "in"


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("{kind: info, comand: [x]}", ".comand: unknown key; did you mean 'command'?"),
        (
            "{kind: info, zzz: 1}",
            ".zzz: unknown key; known here: bearer, ca_file, command, drop,"
            " file, http, kind, objects, sql, timeout",
        ),
        ("{kind: info}", ": a feed needs one of drop, objects, command, file, sql or http"),
        ("{kind: info, file: }", ": a feed needs one of drop, objects, command, file, sql or http"),
        (
            "{kind: info, command: [x], file: y}",
            ": a feed has one of drop, objects, command, file, sql or http, not command and file",
        ),
        ("{drop: in, kind: info}", ".kind: drop feeds have no kind: their folders name them"),
        ("{command: [x]}", ".kind: a command feed needs a kind"),
        (
            "{objects: 's3://b/in', kind: info}",
            ".kind: objects feeds have no kind: their folders name them",
        ),
        (
            "{objects: bucket/in}",
            ".objects: expected the address of a prefix, such as s3://bucket/inbox",
        ),
        (
            "{objects: 's3://key:secret@b/in'}",
            ".objects: this address holds credentials; they belong into the environment of the"
            " object store's own library",
        ),
        (
            "{kind: info, http: ftp://x/y}",
            ".http: expected an address, such as https://backup01.example.com/catalog.json",
        ),
        (
            "{kind: info, http: 'https://me:secret@vault/x'}",
            ".http: this address holds credentials, and secrets are references: write bearer;"
            " did you mean 'bearer: env:CBCR_HTTP_TOKEN'?",
        ),
        (
            "{kind: info, http: 'https://vault/x', bearer: secret}",
            ".bearer: a token is never written here; say where it is: env:NAME or file:PATH;"
            " did you mean 'env:CBCR_HTTP_TOKEN'?",
        ),
        (
            "{kind: info, http: 'http://vault/x', bearer: 'env:T'}",
            ".http: a token must not travel in the clear; use https",
        ),
        ("{kind: info, command: [x], bearer: 'env:T'}", ".bearer: bearer is for http feeds"),
        ("{http: 'https://vault/x'}", ".kind: an http feed needs a kind"),
        (
            "{kind: inf, command: [x]}",
            ".kind: pgbackrest has no kind 'inf'; it has backup_log, expire_log, info, restore_log,"
            " verify_log; did you mean 'info'?",
        ),
        (
            "{kind: info, sql: env:URL}",
            ".kind: info is not read by SQL; catalog and job_log of tool cbcr are",
        ),
        (
            "{kind: info, command: pgbackrest info}",
            ".command: a command is a list, for it is run without a shell;"
            " did you mean '[pgbackrest, info]'?",
        ),
        ("{kind: info, command: []}", ".command: must not be empty"),
        (
            "{kind: info, command: ['']}",
            ".command: the command's first word is the program; it must not be empty",
        ),
        (
            "{kind: info, command: [x, 5]}",
            ".command[1]: expected text, not the number 5; put it in quotes: '5'",
        ),
        ("{drop: ''}", ".drop: expected a path, not ''"),
        (
            "{drop: ~/in}",
            ".drop: '~/in' begins with ~, which depends on who asks; write the whole path",
        ),
        (
            "{drop: in, timeout: 45s}",
            ".timeout: a feed gives up before 45s, or it would hold up its sensor",
        ),
        (
            "{drop: in, timeout: 20}",
            ".timeout: the number 20 is not a duration; write 30s, 15m, 4h, 7d or 1h30m;"
            " did you mean '20s'?",
        ),
        ("{drop: in, timeout: 0s}", ".timeout: '0s' must be longer than zero"),
        ("in", ": expected a mapping of keys to values, not 'in'"),
    ],
)
def test_a_wrong_feed(feed_problems, feed, told):
    assert feed_problems(feed) == [f"cbcr.yaml:4: sources.a.feeds[0]{told}"]


def test_a_drill_has_no_table(feed_problems):
    expected = "drill is not read by SQL; catalog and job_log of tool cbcr are"
    told = feed_problems("{kind: drill, sql: env:URL}", "cbcr")
    assert told == [f"cbcr.yaml:4: sources.a.feeds[0].kind: {expected}"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://h/d", "'mysql' databases cannot be read; postgresql and sqlite can"),
        (
            "postgres://h/d",
            "'postgres' databases cannot be read; postgresql and sqlite can;"
            " did you mean 'postgresql'?",
        ),
        (
            "jobs.db",
            "not a database address; write env:NAME, file:PATH, sqlite:///jobs.db or"
            " postgresql://user@host/database",
        ),
    ],
)
def test_a_wrong_database_address(feed_problems, address, told):
    found = feed_problems(f"{{kind: catalog, sql: '{address}'}}", "cbcr")
    assert found == [f"cbcr.yaml:4: sources.a.feeds[0].sql: {told}"]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://reader:hunter2@db7/jobs",
        "postgresql://:hunter2@db7/jobs",
        "postgresql://reader:hun/ter2@db7/jobs",
        "postgresql+psycopg://reader:hunter2@db7/jobs",
        "postgresql://db7/jobs?password=hunter2",
        "postgresql://db7/jobs?x=1&sslpassword=hunter2",
        "mysql://reader:hunter2@db7/jobs",
    ],
)
def test_an_address_with_a_password_is_refused_without_showing_it(feed_problems, address):
    [told] = feed_problems(f"{{kind: catalog, sql: '{address}'}}", "cbcr")
    assert told == (
        "cbcr.yaml:4: sources.a.feeds[0].sql: this address holds a password, and secrets are"
        " references: put the whole address into a variable, and its name here;"
        " did you mean 'env:CBCR_SQL_URL'?"
    )


@pytest.mark.parametrize("address", ["env:hunter 2", "hunter2", "env:"])
def test_what_may_be_a_secret_is_not_shown(feed_problems, address):
    [told] = feed_problems(f"{{kind: catalog, sql: '{address}'}}", "cbcr")
    assert "hunter" not in told


def test_a_feed_that_is_written_twice(config_problems):
    text = (
        "sources:\n  a:\n    tool: cbcr\n    feeds:\n"
        "      - {kind: catalog, command: [x]}\n"
        "      - {kind: catalog, command: [y]}\n"
        "      - {command: [x], kind: catalog, timeout: 9s}\n"
    )
    told = ["cbcr.yaml:7: sources.a.feeds[2]: the same feed as in line 5"]
    assert config_problems(text) == told


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            "tool: pgbackest",
            "5: sources.a.tool: 'pgbackest' is not a tool that CBCR reads;"
            f" it reads {', '.join(sorted(TOOLS))}; did you mean 'pgbackrest'?",
        ),
        (
            "tool: cbcr\n    timezone: Berlin",
            "6: sources.a.timezone: 'Berlin' is not a time zone; write an IANA name such as"
            " Europe/Berlin or UTC; did you mean 'Europe/Berlin'?",
        ),
        (
            "tool: cbcr\n    every: 1h\n    stale_after: 60m",
            "7: sources.a.stale_after: must be longer than `every`, or the source would always be"
            " stale",
        ),
        (
            "tool: cbcr\n    every: 2h",
            "3: sources.a.stale_after: must be longer than `every`, or the source would always be"
            " stale",
        ),
        ("every: 30s", "3: sources.a.tool: this key is required"),
        (
            "tool: cbcr\n    names_are_instance_ids: maybe",
            "6: sources.a.names_are_instance_ids: expected true or false, not 'maybe'",
        ),
    ],
)
def test_a_wrong_source(config_problems, keys, told):
    text = f"# sources\nsources:\n  a:\n    feeds: [{{drop: in}}]\n    {keys}\n"
    assert config_problems(text) == [f"cbcr.yaml:{told}"]


@pytest.mark.parametrize("feeds", ["[]", ""])
def test_a_source_without_feeds(config_problems, feeds):
    told = config_problems(f"sources:\n  a:\n    tool: cbcr\n    feeds: {feeds}\n")
    assert told == ["cbcr.yaml:4: sources.a.feeds: must not be empty"]


@pytest.mark.parametrize(
    ("name", "meant"), [("a b", "a-b"), ("a/b", "a-b"), ("..", None), ("a\u00e9", "a")]
)
def test_a_source_id_becomes_a_path_and_a_name(config_problems, name, meant):
    hint = f"; did you mean '{meant}'?" if meant else ""
    told = config_problems(f"sources:\n  {name!r}: {{tool: cbcr, feeds: [{{drop: in}}]}}\n")
    assert told == [
        f"cbcr.yaml:2: sources.{name}: {name!r} is not an id: letters, digits, dot, dash and"
        f" underscore only, a letter or digit first, at most 128{hint}"
    ]


def test_source_ids_that_dagster_or_a_disk_cannot_tell_apart(config_problems):
    keys = "{tool: cbcr, feeds: [{drop: in}]}"
    told = config_problems(f"sources:\n  pg-main: {keys}\n  b: {keys}\n  PG_main: {keys}\n")
    assert told == [
        "cbcr.yaml:4: sources.PG_main: too much like 'pg-main': sensors and folders could not be"
        " told apart"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sorces: {}", "sorces: unknown key; did you mean 'sources'?"),
        ("warehouse: {pth: x}", "warehouse.pth: unknown key; did you mean 'path'?"),
        ("warehouse: {keep_snapshots: 0}", "warehouse.keep_snapshots: must be at least 1, not 0"),
        ("warehouse: {path: ''}", "warehouse.path: expected a path, not ''"),
        (
            "links: {dashboard: localhost}",
            "links.dashboard: 'localhost' is not a web address; write http://127.0.0.1:3000",
        ),
        (
            "lanes: {heartbeat: 15}",
            "lanes.heartbeat: the number 15 is not a duration; write 30s, 15m, 4h, 7d or 1h30m;"
            " did you mean '15s'?",
        ),
        (
            "lanes: {build_every: 5m}",
            "lanes.build_every: '5m' is not a cron expression: five fields, not 1;"
            " write '30 2 * * *' for 02:30 every day",
        ),
        ("inventory: 5", "inventory: expected a path, not the number 5"),
    ],
)
def test_a_wrong_key_at_the_top(config_problems, text, told):
    assert config_problems(f"{SMALL}{text}\n") == [f"cbcr.yaml:2: {told}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sources: this key is required"),
        ("sources:\n", "sources: must not be empty"),
        ("sources: [a]\n", "sources: expected a mapping of keys to values, not a list"),
        ("- a\n", "expected a mapping of keys to values, not a list"),
    ],
)
def test_a_file_without_sources(config_problems, text, told):
    assert config_problems(text) == [f"cbcr.yaml:1: {told}"]


def test_everything_that_is_wrong_is_told_at_once(config_problems):
    told = config_problems(
        "sources:\n"
        "  a:\n"
        "    tool: pgbackest\n"
        "    timezone: Berlin\n"
        "    feeds:\n"
        "      - {comand: [x]}\n"
        "      - {kind: info}\n"
        "  b c: {tool: cbcr, feeds: []}\n"
        "  d: {tool: cbcr, feeds: [{kind: info, command: [x]}]}\n"
        "lanes: {heartbeat: 0s}\n"
    )
    assert [":".join(text.split(":")[1:3]) for text in told] == [
        "3: sources.a.tool",
        "4: sources.a.timezone",
        "6: sources.a.feeds[0].comand",
        "7: sources.a.feeds[1]",
        "8: sources.b c",
        "8: sources.b c.feeds",
        "9: sources.d.feeds[0].kind",
        "10: lanes.heartbeat",
    ]


def test_a_missing_file(tmp_path):
    path = tmp_path / "cbcr.yaml"
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == (str(path), 0)
    assert problem.message == "there is no such file; `cbcr init` writes a commented one"


def test_the_table_of_tools_is_that_of_the_connectors():
    assert {tool: CONNECTORS[tool].kinds for tool in CONNECTORS} == TOOLS


def test_the_kinds_of_sql_are_those_that_have_a_table(feed_problems):
    told = feed_problems("{kind: drill, sql: env:URL}", "cbcr")[0]
    assert f"{' and '.join(sorted(FEEDS))} of tool cbcr are" in told
