"""The catalog: several stanzas and repositories, versions, upgrades, wrong types."""

import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

OK = {"code": 0, "message": "ok"}
READ_AT = datetime.fromisoformat("2026-11-23T05:00:00")


def backup(label="20261123-044257F", **changed):
    return {
        "label": label,
        "type": "full",
        "prior": None,
        "error": False,
        "archive": {"start": "0007", "stop": "0008"},
        "database": {"id": 1, "repo-key": 1},
        "info": {"size": 10, "delta": 10, "repository": {"size": 5, "delta": 4}},
        "timestamp": {"start": 1795408977, "stop": 1795408981},
    } | changed


def stanza(backups=(), name="orders", status=OK, repos=(OK,), **changed):
    return {
        "name": name,
        "backup": list(backups),
        "db": [{"id": 1, "repo-key": key} for key, _ in enumerate(repos, start=1)],
        "repo": [{"key": key, "status": status} for key, status in enumerate(repos, start=1)],
        "status": status,
    } | changed


@pytest.fixture
def info(parse):
    return lambda *stanzas, **facts: parse("info", json.dumps(stanzas), **facts)


def scopes(parsed):
    return [(scope.native_instance, scope.repo) for scope in parsed.scopes]


def test_several_stanzas_and_repositories(info, rows):
    second = backup(database={"id": 1, "repo-key": 2})
    parsed = info(stanza([backup(), second], repos=(OK, OK)), stanza([backup()], name="billing"))
    assert [(r["native_instance"], r["repo"]) for r in rows(parsed)] == [
        ("orders", "repo1"),
        ("orders", "repo2"),
        ("billing", "repo1"),
    ]
    assert scopes(parsed) == [("orders", "repo1"), ("orders", "repo2"), ("billing", "repo1")]


def test_repositories_that_only_differ_are_both_listed(info):
    differ = {"code": 4, "message": "different across repos"}
    empty = {"code": 2, "message": "no valid backups"}
    parsed = info(stanza([backup()], status=differ, repos=(OK, empty)))
    assert parsed.ok
    assert scopes(parsed) == [("orders", "repo1"), ("orders", "repo2")]


@pytest.mark.parametrize("code", [1, 3, 6, 99])
def test_one_unreadable_repository_proves_nothing_but_what_is_listed_counts(code, info, rows):
    differ = {"code": 4, "message": "different across repos"}
    bad = {"code": code, "message": "missing stanza path"}
    parsed = info(stanza([backup()], status=differ, repos=(OK, bad)))
    assert parsed.ok is False
    assert scopes(parsed) == []
    assert f"stanza orders, repo2: status {code} (missing stanza path)" in parsed.error
    assert len(rows(parsed)) == 1


def test_a_bad_stanza_is_named_among_good_ones(info):
    bad = {"code": 5, "message": "database mismatch across repos"}
    parsed = info(stanza([backup()]), stanza(name="billing", status=bad))
    assert parsed.ok is False
    assert parsed.error.startswith(
        "stanza billing: status 5 (database mismatch across repos); nothing that is absent"
    )
    assert scopes(parsed) == []


def test_no_stanza_at_all_is_no_proof(parse):
    parsed = parse("info", "[]")
    assert parsed.ok is False
    assert "no stanza at all" in parsed.error


@pytest.mark.parametrize("payload", ["", "[", "{}", '"x"', "null", "NaN", "stanza: orders\n"])
def test_what_is_no_list_is_refused_whole(payload, parse):
    parsed = parse("info", payload)
    assert (parsed.ok, len(parsed.rejects), scopes(parsed)) == (False, 1, [])
    assert parsed.rejects[0].payload == payload


def test_a_failed_command_proves_nothing(info):
    parsed = info(stanza(), rc=25)
    assert (parsed.ok, scopes(parsed), parsed.seen) == (False, [], 0)
    assert "exit code 25" in parsed.error


@pytest.mark.parametrize(
    ("error", "integrity"), [(True, "suspect"), (False, "ok"), (None, "unchecked")]
)
def test_page_checksums(error, integrity, info, rows):
    (row,) = rows(info(stanza([backup(error=error)])))
    assert row["integrity"] == integrity


def test_fields_that_a_version_lacks_or_adds(info, rows):
    lean = backup(database={"id": 1}, future={"x": 1})
    for name in ("error", "info", "archive", "prior"):
        del lean[name]
    older = stanza([lean], cipher="none")
    del older["repo"], older["db"]
    parsed = info(older)
    (row,) = rows(parsed)
    assert parsed.rejects == ()
    assert (row["repo"], row["integrity"], row["source_bytes"]) == ("repo1", "unchecked", None)
    assert scopes(parsed) == [("orders", "repo1")]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"timestamp": {"start": "now", "stop": 2}}, "timestamp"),
        ({"timestamp": {"start": 1795408977}}, "missing"),
        ({"timestamp": {"start": 1795408977, "stop": True}}, "timestamp"),
        ({"timestamp": {"start": 1795408977000, "stop": 1795408978000}}, "timestamp"),
        ({"timestamp": {"start": 1795408981, "stop": 1795408977}}, "order"),
        ({"label": None}, "missing"),
        ({"label": 7}, "type"),
        ({"type": "huge"}, "enum"),
        ({"error": "yes"}, "type"),
        ({"info": []}, "type"),
        ({"info": {"size": -1}}, "type"),
        ({"info": {"size": 2**63}}, "type"),
    ],
)
def test_one_wrong_backup_is_refused_and_its_repository_is_no_proof(changed, rule, info, rows):
    wrong = backup(**{"label": "20261123-050000F"} | changed)
    parsed = info(stanza([backup(), wrong], repos=(OK, OK)), stanza([backup()], name="billing"))
    (reject,) = parsed.rejects
    assert (reject.rule, reject.table_name) == (rule, "backup_sets")
    assert reject.native_id.endswith("[0].backup[1]")
    assert json.loads(reject.payload) == wrong
    assert parsed.ok
    assert len(rows(parsed)) == 2
    assert scopes(parsed) == [("orders", "repo2"), ("billing", "repo1")]


@pytest.mark.parametrize("wrong", [7, [], {"label": "x", "database": {"repo-key": "one"}}])
def test_a_backup_of_an_unknown_repository_casts_doubt_on_all(wrong, info):
    parsed = info(stanza([wrong], repos=(OK, OK)), stanza(name="billing"))
    assert scopes(parsed) == [("billing", "repo1")]


@pytest.mark.parametrize(
    "wrong", [3, {}, {"name": "x"}, {"name": "x", "status": {"code": "0"}}, {"name": ["x"]}]
)
def test_a_stanza_that_cannot_be_read_makes_the_pull_not_ok(wrong, info, rows):
    parsed = info(wrong, stanza([backup()]))
    assert (parsed.ok, len(parsed.rejects), len(rows(parsed))) == (False, 1, 1)
    assert "[0]" in parsed.error
    assert scopes(parsed) == []


def test_backups_of_a_former_database_system_no_longer_protect(info, rows):
    old, new = backup(), backup("20261124-000000F", database={"id": 2, "repo-key": 1})
    upgraded = stanza(
        [old, new],
        repos=(OK, OK),
        db=[{"id": 1, "repo-key": 1}, {"id": 2, "repo-key": 1}, {"id": 1, "repo-key": 2}],
    )
    upgraded["backup"].append(backup("20261125-000000F", database={"id": 1, "repo-key": 2}))
    parsed = info(upgraded)
    assert [(r["lifecycle"], r["unusable_from"]) for r in rows(parsed)] == [
        ("expired", READ_AT),
        ("available", None),
        ("available", None),
    ]
    assert {r["integrity"] for r in rows(parsed)} == {"ok"}
    assert scopes(parsed) == [("orders", "repo1"), ("orders", "repo2")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "backup", "repo", "db", "status", "code", "label", "timestamp", "info"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, max_size=3), JSON, st.sampled_from(sorted(backup())))
def test_no_shape_of_json_raises(parse, document, value, field):
    parse("info", json.dumps(document))
    parse("info", json.dumps([stanza([backup(**{field: value})])]))
    parse("info", json.dumps([stanza([backup()], db=value)]))
