"""inventory.yaml: what it becomes, and what is told about each mistake."""

from datetime import datetime

import pytest

from cbcr_assets.config import ConfigError, load_inventory
from cbcr_assets.records import raw_table

NOW = datetime(2026, 11, 23, 5)
FULL = """\
defaults: {team: dba, timezone: Europe/Berlin, rpo: 24h, grace: 30m}
tiers:
  gold: {tier: 1, rpo: 15m, rto: 1h, log_archiving: true, incr_schedule: "0 * * * *"}
  silver: {tier: 2, rpo: 6h}
instances:
  - id: orders
    db_type: postgresql
    cluster_id: "6789"
    host: db7
    environment: staging
    team: payments
    tier: gold
    rpo: 5m
    full_schedule: "30 1 * * 0"
    drill_every: 30d
    storage_volume: backup01
    network_link: eth0
    protect_from: 2026-01-01T00:00:00+01:00
    retired_at: 2027-01-01
    exclusions:
      - {start: 2026-02-01T00:00:00Z, stop: 2026-02-01T04:00:00+01:00, reason: move}
    aliases:
      - {source: pgbr, name: main}
      - {source: pgbr, name: main-old}
  - {id: stock, tier: 2}
  - {id: plain}
"""


def test_a_whole_instance(inventory_of):
    assert dict(inventory_of(FULL).instances[0].columns) == {
        "instance_id": "orders",
        "db_type": "postgresql",
        "cluster_id": "6789",
        "host": "db7",
        "environment": "staging",
        "team": "payments",
        "tier": 1,
        "rpo_s": 300.0,
        "rto_s": 3600.0,
        "timezone": "Europe/Berlin",
        "full_schedule": "30 1 * * 0",
        "incr_schedule": "0 * * * *",
        "grace_s": 1800.0,
        "log_archiving": True,
        "drill_every_s": 2592000.0,
        "storage_volume": "backup01",
        "network_link": "eth0",
        "protect_from": datetime(2025, 12, 31, 23),
        "retired_at": datetime(2027, 1, 1),
        "exclusions": [
            {"start": datetime(2026, 2, 1), "stop": datetime(2026, 2, 1, 3), "reason": "move"}
        ],
    }


@pytest.mark.parametrize(("index", "tier", "rpo_s"), [(0, 1, 300), (1, 2, 21600), (2, None, 86400)])
def test_an_instance_overrides_its_tier_and_the_tier_the_defaults(inventory_of, index, tier, rpo_s):
    columns = inventory_of(FULL).instances[index].columns
    assert (columns["tier"], columns["rpo_s"]) == (tier, rpo_s)


def test_what_nobody_says(inventory_of):
    columns = inventory_of("instances: [{id: a, rpo: 1h}]").instances[0].columns
    expected = {"timezone": "UTC", "grace_s": 3600.0, "log_archiving": False}
    assert {key: columns[key] for key in expected} == expected
    assert columns["protect_from"] is None


def test_a_key_with_nothing_behind_it_takes_away_what_the_tier_says(inventory_of):
    text = FULL + "  - {id: quiet, tier: gold, incr_schedule: , timezone: , exclusions: }\n"
    columns = inventory_of(text).instances[3].columns
    assert (columns["incr_schedule"], columns["timezone"]) == (None, "UTC")
    assert columns["exclusions"] == []


def test_defaults_may_name_a_tier(inventory_of):
    text = (
        "defaults: {tier: gold}\ntiers: {gold: {tier: 1, rpo: 1h}}\ninstances: [{id: a}, {id: b}]"
    )
    assert [i.columns["rpo_s"] for i in inventory_of(text).instances] == [3600.0, 3600.0]


def test_tiers_are_numbers_where_there_is_no_table_of_them(inventory_of):
    text = "instances: [{id: a, tier: 3, rpo: 1h}]"
    assert inventory_of(text).instances[0].columns["tier"] == 3


def test_a_tier_may_be_called_by_a_number(inventory_of):
    text = "tiers: {1: {tier: 2, rpo: 1h}}\ninstances: [{id: a, tier: 1}]"
    assert inventory_of(text).instances[0].columns["tier"] == 2


@pytest.mark.parametrize("text", ["instances: []", "defaults:\ntiers:\ninstances:\n"])
def test_an_inventory_may_be_empty(inventory_of, sources, text):
    frames = inventory_of(text).frames(sources)
    assert frames["instances"].is_empty()
    assert frames["instance_aliases"].is_empty()


class TestFrames:
    @pytest.fixture
    def frames(self, inventory_of, sources):
        return inventory_of(FULL).frames(sources)

    @pytest.mark.parametrize("table", ["sources", "instances", "instance_aliases"])
    def test_have_the_schema_of_their_raw_tables(self, frames, table):
        assert dict(frames[table].schema) == raw_table(table).polars_schema
        assert frames[table].select(raw_table(table).key).is_unique().all()

    def test_of_sources(self, frames):
        assert frames["sources"].rows() == [
            ("agents", "cbcr", 30.0, 3600.0, None),
            ("pgbr", "pgbackrest", 30.0, 900.0, None),
        ]

    def test_of_aliases_with_the_ids_of_sources_that_use_them(self, frames):
        assert frames["instance_aliases"].rows() == [
            ("agents", "orders", "orders"),
            ("agents", "plain", "plain"),
            ("agents", "stock", "stock"),
            ("pgbr", "main", "orders"),
            ("pgbr", "main-old", "orders"),
        ]

    def test_of_instances(self, frames):
        rows = frames["instances"].select("instance_id", "tier", "rpo_s", "protect_from").rows()
        assert rows == [
            ("orders", 1, 300.0, datetime(2025, 12, 31, 23)),
            ("stock", 2, 21600.0, None),
            ("plain", None, 86400.0, None),
        ]

    def test_of_exclusions(self, frames):
        window = {"start": datetime(2026, 2, 1), "stop": datetime(2026, 2, 1, 3), "reason": "move"}
        assert frames["instances"]["exclusions"].to_list() == [[window], [], []]

    def test_an_alias_may_repeat_the_own_id(self, inventory_of, sources):
        text = "instances: [{id: a, rpo: 1h, aliases: [{source: agents, name: a}]}]"
        rows = inventory_of(text).frames(sources)["instance_aliases"].rows()
        assert rows == [("agents", "a", "a")]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("tier: gld", ".tier: no tier 'gld'; there are gold, silver; did you mean 'gold'?"),
        ("tier: 3", ".tier: no tier 3; there are 1 (gold), 2 (silver)"),
        ("tier: true", ".tier: expected a tier's name or number, not true"),
        ("tem: x", ".tem: unknown key; did you mean 'team'?"),
        ("rpo: 0s", ".rpo: '0s' must be longer than zero"),
        (
            "rpo: -5m",
            ".rpo: '-5m' is not a duration; write 30s, 15m, 4h, 7d or 1h30m",
        ),
        (
            "rpo: 900",
            ".rpo: the number 900 is not a duration; write 30s, 15m, 4h, 7d or 1h30m;"
            " did you mean '900s'?",
        ),
        ("rpo: ", ".rpo: no rpo: say here, in its tier or in defaults how much may be lost"),
        ("rto: 0h", ".rto: '0h' must be longer than zero"),
        (
            "grace: 5 min",
            ".grace: '5 min' is not a duration; write 30s, 15m, 4h, 7d or 1h30m;"
            " did you mean '5m'?",
        ),
        (
            "timezone: Europe/Berln",
            ".timezone: 'Europe/Berln' is not a time zone; write an IANA name such as"
            " Europe/Berlin or UTC; did you mean 'Europe/Berlin'?",
        ),
        (
            "full_schedule: 0 25 * * *",
            ".full_schedule: '0 25 * * *' is not a cron expression: wrong hour;"
            " write '30 2 * * *' for 02:30 every day",
        ),
        (
            "incr_schedule: '@daily'",
            ".incr_schedule: '@daily' is not a cron expression: five fields, not 1;"
            " write '30 2 * * *' for 02:30 every day; did you mean '0 0 * * *'?",
        ),
        (
            "db_type: postgres",
            ".db_type: 'postgres' is not one of postgresql, mariadb, mysql, oracle, sqlserver,"
            " mongodb, other; did you mean 'postgresql'?",
        ),
        ("log_archiving: perhaps", ".log_archiving: expected true or false, not 'perhaps'"),
        ("team: 5", ".team: expected text, not the number 5; put it in quotes: '5'"),
        ("host: ''", ".host: must not be empty"),
        (
            "protect_from: yesterday",
            ".protect_from: 'yesterday' is not a moment; write 2026-11-23 or 2026-11-23T04:00:00Z",
        ),
        (
            "retired_at: 2026-13-01",
            ".retired_at: '2026-13-01' is not a moment; write 2026-11-23 or 2026-11-23T04:00:00Z",
        ),
        (
            "retired_at: 2025-12-31",
            ".retired_at: must be later than protect_from, 2026-01-01T00:00:00Z",
        ),
        (
            "exclusions: [{start: 2026-01-02, stop: 2026-01-02, reason: x}]",
            ".exclusions[0].stop: must be later than start, 2026-01-02T00:00:00Z",
        ),
        (
            "exclusions: [{start: 2026-01-02T00:00Z, stop: 2026-01-02T01:00+02:00, reason: x}]",
            ".exclusions[0].stop: must be later than start, 2026-01-02T00:00:00Z",
        ),
        (
            "exclusions: [{start: 2026-01-02, stop: 2026-01-03}]",
            ".exclusions[0].reason: this key is required",
        ),
        (
            "aliases: [{source: agnts, name: x}]",
            ".aliases[0].source: no source 'agnts' in cbcr.yaml; there are agents, pgbr;"
            " did you mean 'agents'?",
        ),
        ("aliases: [{source: pgbr}]", ".aliases[0].name: this key is required"),
        (
            "aliases: [{source: pgbr, nme: x, name: x}]",
            ".aliases[0].nme: unknown key; did you mean 'name'?",
        ),
    ],
)
def test_a_wrong_instance(inventory_problems, keys, told):
    text = (
        "defaults: {protect_from: 2026-01-01}\n"
        "tiers: {gold: {tier: 1, rpo: 15m}, silver: {tier: 2, rpo: 6h}}\n"
        "instances:\n"
        "  - id: a\n"
        f"    {keys}\n"
    )
    if not keys.startswith(("tier", "rpo")):
        text += "    rpo: 1h\n"
    assert inventory_problems(text) == [f"inventory.yaml:5: instances[0]{told}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "instances:\n  - {id: a, rpo: 1h}\n  - {id: b, rpo: 1h}\n  - {id: a, rpo: 1h}\n",
            "4: instances[2].id: instance 'a' is in line 2 already",
        ),
        (
            "instances:\n  - {rpo: 1h}\n",
            "2: instances[0].id: this key is required",
        ),
        (
            "instances:\n  - {id: 5, rpo: 1h}\n",
            "2: instances[0].id: expected text, not the number 5; put it in quotes: '5'",
        ),
        (
            "instances:\n  - {id: a/b, rpo: 1h}\n",
            "2: instances[0].id: 'a/b' is not an id: letters, digits, dot, dash and underscore"
            " only, a letter or digit first, at most 128; did you mean 'a-b'?",
        ),
        (
            "instances:\n  - id: a\n    team: x\n",
            "2: instances[0].rpo: no rpo: say here, in its tier or in defaults how much may be"
            " lost",
        ),
        (
            "instances:\n  - {id: a, rpo: 1h, tier: gold}\n",
            "2: instances[0].tier: no tier 'gold'; there are none, only numbers 1 to 9",
        ),
        (
            "instances:\n  - {id: a, rpo: 1h, tier: 10}\n",
            "2: instances[0].tier: a tier is a number from 1 to 9, not 10",
        ),
        (
            "tiers: {a: {tier: 1, rpo: 1h}, b: {tier: 1, rpo: 2h}}\ninstances: [{id: a, tier: 1}]",
            "2: instances[0].tier: a and b are both tier 1; write the name",
        ),
        ("tiers:\n  gold: {rpo: 1h}\ninstances: []", "2: tiers.gold.tier: this key is required"),
        (
            "tiers: {gold: {tier: 0}}\ninstances: []",
            "1: tiers.gold.tier: must be at least 1, not 0",
        ),
        (
            "tiers: {gold: {tier: 1, rpoo: 1h}}\ninstances: []",
            "1: tiers.gold.rpoo: unknown key; did you mean 'rpo'?",
        ),
        (
            "defaults: {tier: glod}\ntiers: {gold: {tier: 1}}\ninstances: []",
            "1: defaults.tier: no tier 'glod'; there are gold; did you mean 'gold'?",
        ),
        (
            "defaults:\n  zone: UTC\ninstances: []",
            "2: defaults.zone: unknown key; did you mean 'timezone'?",
        ),
        ("defaults:\n  id: x\ninstances: []", "2: defaults.id: unknown key"),
        ("tiers: {}", "1: instances: this key is required"),
        ("instances: []\ntier: {}", "2: tier: unknown key; did you mean 'tiers'?"),
        ("instances: {a: {}}", "1: instances: expected a list, not a mapping"),
        ("instances: [a]", "1: instances[0]: expected a mapping of keys to values, not 'a'"),
    ],
)
def test_a_wrong_inventory(inventory_problems, text, told):
    assert inventory_problems(text) == [f"inventory.yaml:{told}"]


ALIASES = """\
instances:
  - id: a
    rpo: 1h
    aliases:
      - {source: pgbr, name: main}
      - {source: pgbr, name: main}
  - id: b
    rpo: 1h
    aliases:
      - {source: pgbr, name: main}
      - {source: agents, name: a}
"""


def test_names_that_mean_two_instances(inventory_problems):
    assert inventory_problems(ALIASES) == [
        "inventory.yaml:6: instances[0].aliases[1].name: pgbr's name 'main' is in line 5 already",
        "inventory.yaml:10: instances[1].aliases[0].name: pgbr's name 'main' is in line 5 already",
        "inventory.yaml:11: instances[1].aliases[1].name: agents uses the ids of the inventory, and"
        " 'a' is the instance of line 2",
    ]


def test_everything_that_is_wrong_is_told_at_once(inventory_problems):
    told = inventory_problems(
        "tiers: {gold: {tier: 1, rpo: 15m}}\n"
        "instances:\n"
        "  - {id: a, tier: gld}\n"
        "  - {id: a, tier: gold, timezone: Berlin}\n"
        "  - {id: b}\n"
        "  - {id: c, tier: gold, tem: x, aliases: [{source: x, name: y}]}\n"
    )
    assert [":".join(text.split(":")[1:3]) for text in told] == [
        "3: instances[0].tier",
        "4: instances[1].id",
        "4: instances[1].timezone",
        "5: instances[2].rpo",
        "6: instances[3].aliases[0].source",
        "6: instances[3].tem",
    ]


def test_a_file_of_another_kind(inventory_problems, tmp_path):
    told = inventory_problems("", "inventory.toml")
    path = tmp_path / "inventory.toml"
    assert told == [f"{path}: an inventory is a .yaml, .yml, .csv or .sql file"]


@pytest.mark.parametrize("name", ["none.yaml", "none.csv"])
def test_a_missing_file(sources, tmp_path, name):
    with pytest.raises(ConfigError) as caught:
        load_inventory(tmp_path / name, sources=sources)
    expected = f"{tmp_path / name}: there is no such file; `cbcr init` writes a commented one"
    assert str(caught.value) == expected
